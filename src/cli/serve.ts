/** `sluice serve`: the server, until it is told to stop. */
import type { Config } from "../config/config.ts";
import type { Command, CommandContext } from "./command.ts";

const options = {} as const;

export const serve: Command<typeof options> = {
  summary: "serves graphs to chat frontends",
  usage: `Usage: sluice serve [<file>:<export> ...]

Serves the agents of config/agents.json, or the graphs given: compiled LangGraph graphs exported by JavaScript modules.
Settings come from the environment and from .env; .env.example lists them.

Options:
  -h, --help   this`,
  options,
  async run({ positionals: graphs }, context) {
    const [{ loadConfig }, { appFromConfig }, { createLogger }, { modelKind }] = await Promise.all([
      import("../config/config.ts"),
      import("../app/from-config.ts"),
      import("../ops/logger.ts"),
      import("../app/bundled.ts"),
    ]);
    const { packageRoot, version, cwd } = context;
    const config = loadConfig({ cwd, packageRoot, graphs });
    const logger = createLogger(config.LOG_LEVEL);
    const app = await appFromConfig(config, packageRoot, version, logger);
    const url = await app.listen();
    context.print(greeting(url, config, graphs, context, modelKind(config)));
    await new Promise<void>((closed, failed) => {
      const stop = () => {
        logger.info("draining");
        // A second signal hurries it up.
        app.close().then(closed, failed);
      };
      process.on("SIGTERM", stop);
      process.on("SIGINT", stop);
    });
    return 0;
  },
};

function greeting(
  url: string,
  config: Config,
  graphs: readonly string[],
  { version }: CommandContext,
  model: "openai" | "demo",
): string {
  const ws = `${url.replace("http", "ws")}/ws`;
  const message = graphs.length > 0 ? "hello" : "What is 12 * 7?";
  return `
  Sluice ${version} serves ${Object.keys(config.agents).join(", ")} on ${url}
${graphs.length > 0 ? "" : `  ${whoAnswers(model)}\n`}
  npx wscat -c ${ws}                    # AG-UI events, as a frontend gets them
  npx wscat -c "${ws}?format=text"      # as a person reads them
  curl -s ${url}/chat -H 'Content-Type: application/json' -d '{"message":"${message}"}'
`;
}

function whoAnswers(model: "openai" | "demo"): string {
  return model === "demo"
    ? "The built-in demo model answers. For a real one set OPENAI_API_KEY or OPENAI_BASE_URL in .env."
    : "Answers come from the OpenAI-compatible model in your settings.";
}
