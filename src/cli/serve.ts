/** `sluice serve`: the server, until it is asked to stop. */
import type { Config, ConfigSources } from "../config/config.ts";
import { type Command, type CommandArgs, type CommandContext, UsageError } from "./command.ts";

/** The options of both `serve` and `dev`. */
export const serveOptions = {
  config: { type: "string", short: "c" },
  port: { type: "string", short: "p" },
  host: { type: "string" },
} as const;

export const SERVE_USAGE = `Serves graphs from modules in TypeScript or JavaScript. An export may be a compiled graph, a StateGraph, an agent
of createAgent, or a function that returns one; without ":<export>" it is found. Without files it serves what
config/agents.json names, else langgraph.json, else the agents that ship with Sluice.

Options:
  -c, --config <file>   an agents.json or a langgraph.json
  -p, --port <port>     the port; 0 takes a free one       (default: PORT, else 8123)
      --host <address>  the address                        (default: HOST, else 127.0.0.1)
  -h, --help            this

Settings come from the environment, from .env, and from a .env beside each file.`;

export const serve: Command<typeof serveOptions> = {
  summary: "serves graphs to chat frontends",
  usage: `Usage: sluice serve [<file>[:<export>] ...]\n\n${SERVE_USAGE}`,
  options: serveOptions,
  async run(args, context) {
    const sources = configSources(args, context);
    // Settings are read before other modules are loaded, so that their errors are reported at once.
    const config = (await import("../config/config.ts")).loadConfig(sources);
    const [{ appFromConfig }, { createLogger, unfailing }, { linesFor }, faults] = await Promise.all([
      import("../app/from-config.ts"),
      import("../ops/logger.ts"),
      import("../ops/lines.ts"),
      import("./process-faults.ts"),
    ]);
    const { stdout } = process;
    const logger = createLogger(config.LOG_LEVEL, stdout.isTTY ? linesFor(stdout, stdout.hasColors()) : undefined);
    faults.surviveRejections(unfailing(logger));
    const app = await appFromConfig(config, context.packageRoot, context.version, logger);
    const url = await app.listen();
    context.print(greeting(url, config, context, await whoAnswers(config)));
    const died = faults.dieOfExceptions(app, unfailing(logger));
    const stopped = new Promise<number>((closed, failed) => {
      let announced = false;
      const stop = () => {
        if (!announced) logger.info("draining");
        announced = true;
        // A second signal makes it end sooner.
        app.close().then(() => closed(0), failed);
      };
      process.on("SIGTERM", stop);
      process.on("SIGINT", stop);
    });
    return Promise.race([stopped, died]);
  },
};

/** @throws UsageError */
export function configSources(
  { values, positionals: graphs }: CommandArgs<typeof serveOptions>,
  { cwd, packageRoot }: CommandContext,
): ConfigSources {
  const { config: configFile, port, host } = values;
  if (graphs.includes("")) throw new UsageError("The name of a file is empty.");
  if (configFile !== undefined && graphs.length > 0) throw new UsageError("Give files or --config, not both.");
  const settings = { ...(port === undefined ? {} : { PORT: port }), ...(host === undefined ? {} : { HOST: host }) };
  return { cwd, packageRoot, graphs, configFile, settings };
}

function greeting(url: string, config: Config, { version }: CommandContext, answers: string | undefined): string {
  const ws = `${url.replace("http", "ws")}/ws`;
  const signIn = config.AUTH === "none" ? "" : ' -H "Authorization: Bearer $KEY"';
  const asText = `npx wscat${signIn} -c "${ws}?format=text"`;
  const line = (what: string, is: string) => `  ${what.padEnd(asText.length)}  # ${is}`;
  return `
  Sluice ${version} serves ${Object.keys(config.agents).join(", ")} on ${url}
${answers === undefined ? "" : `  ${answers}\n`}${signIn && `  Clients sign in: AUTH=${config.AUTH}. $KEY stands for ${config.AUTH === "jwt" ? "a token" : "an API key"}.\n`}
${line(`${url}/`, "a page to try them out, in a browser")}
${line(`npx wscat${signIn} -c ${ws}`, "AG-UI events, as a frontend gets them")}
${line(asText, "as a person reads them")}
  curl -s ${url}/chat${signIn} -H 'Content-Type: application/json' -d '{"message":"${answers === undefined ? "hello" : "What is 12 * 7?"}"}'
`;
}

/** A sentence about the model of the agents that ship; `undefined` if none of them is served. */
async function whoAnswers(config: Config): Promise<string | undefined> {
  const [{ isShipped }, { modelKind }] = await Promise.all([
    import("../config/shipped.ts"),
    import("../config/settings.ts"),
  ]);
  if (!Object.values(config.agents).some(({ graph }) => isShipped(graph, config.graphsRelativeTo))) return undefined;
  return modelKind(config) === "demo"
    ? "The built-in demo model answers. For a real one set OPENAI_API_KEY or OPENAI_BASE_URL in .env."
    : "Answers come from the OpenAI-compatible model in your settings.";
}
