/** `sluice init`: writes a project to begin with. */
import { type Command, UsageError } from "./command.ts";

const FRONTENDS = ["react", "assistant-ui", "use-stream", "vanilla", "none"] as const;

const options = { frontend: { type: "string", short: "f", default: "react" } } as const;

export const init: Command<typeof options> = {
  summary: "writes a project to begin with: a graph, its config and a chat",
  usage: `Usage: sluice init FOLDER [options]

Writes a graph with two tools, config/agents.json, .env and a chat page into FOLDER. It overwrites nothing. The graph
needs no API key: a built-in demo model answers.

Options:
  -f, --frontend NAME  react (useSluiceThread), assistant-ui, use-stream (LangGraph's hook), vanilla (no
                       framework), or none                                    (default: react)
  -h, --help           this`,
  options,
  async run({ values, positionals }, { cwd, packageRoot, version, print }) {
    const [folder, ...more] = positionals;
    if (!folder || more.length > 0) throw new UsageError("Say where to write it: init FOLDER.");
    const frontend = FRONTENDS.find((name) => name === values.frontend);
    if (!frontend) throw new UsageError(`--frontend: there are ${FRONTENDS.join(", ")}.`);
    const { projectFiles, writeProject } = await import("./init/project.ts");
    const files = projectFiles({ cwd, folder, packageRoot, version, frontend });
    await writeProject(folder, cwd, files);
    const page = frontend === "none" ? "http://127.0.0.1:8123" : "http://127.0.0.1:5173";
    print(`Wrote ${[...files.keys()].join(", ")} into ${folder}. Next:

  cd ${folder}
  npm install
  npm start          # then open ${page}`);
    return 0;
  },
};
