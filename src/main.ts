#!/usr/bin/env node
/** The process: command line, configuration, app, listening, draining. */
import { readFileSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { modelKind } from "./app/bundled.ts";
import { appFromConfig } from "./app/from-config.ts";
import { type Config, loadConfig } from "./config/config.ts";
import { ConfigError } from "./config/settings.ts";
import { createLogger } from "./ops/logger.ts";

const USAGE = `Usage: langgraph-sluice serve [<file>:<export> ...]

Serves the agents of config/agents.json, or the graphs given: compiled LangGraph graphs exported by JavaScript modules.
Settings come from the environment and from .env; .env.example lists them.

Options:
  -h, --help      this
  -v, --version   the version`;

const packageRoot = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const { version } = JSON.parse(readFileSync(resolve(packageRoot, "package.json"), "utf8")) as { version: string };

/** Every line for people goes here; the log has its own. */
function print(text: string): void {
  process.stdout.write(`${text}\n`);
}

async function main(argv: readonly string[]): Promise<void> {
  const { values, positionals } = parseArgs({
    args: [...argv],
    allowPositionals: true,
    options: { help: { type: "boolean", short: "h" }, version: { type: "boolean", short: "v" } },
  });
  const [command, ...graphs] = positionals;
  if (values.version) return print(version);
  if (values.help) return print(USAGE);
  if (command !== "serve") throw new ConfigError(`Unknown command "${command ?? ""}".\n\n${USAGE}`);
  await serve(graphs);
}

async function serve(graphs: readonly string[]): Promise<void> {
  const config = loadConfig({ cwd: process.cwd(), packageRoot, graphs });
  const logger = createLogger(config.LOG_LEVEL);
  const app = await appFromConfig(config, packageRoot, version, logger);
  const url = await app.listen();
  print(greeting(url, config, graphs));
  const stop = () => {
    logger.info("draining");
    // A second signal hurries it up.
    app.close().then(
      () => process.exit(0),
      (error: unknown) => fail(error),
    );
  };
  process.on("SIGTERM", stop);
  process.on("SIGINT", stop);
}

function greeting(url: string, config: Config, graphs: readonly string[]): string {
  const ws = `${url.replace("http", "ws")}/ws`;
  const message = graphs.length > 0 ? "hello" : "What is 12 * 7?";
  return `
  Sluice ${version} serves ${Object.keys(config.agents).join(", ")} on ${url}
${graphs.length > 0 ? "" : `  ${whoAnswers(config)}\n`}
  npx wscat -c ${ws}                    # AG-UI events, as a frontend gets them
  npx wscat -c "${ws}?format=text"      # as a person reads them
  curl -s ${url}/chat -H 'Content-Type: application/json' -d '{"message":"${message}"}'
`;
}

function whoAnswers(config: Config): string {
  return modelKind(config) === "demo"
    ? "The built-in demo model answers. For a real one set OPENAI_API_KEY or OPENAI_BASE_URL in .env."
    : "Answers come from the OpenAI-compatible model in your settings.";
}

function fail(error: unknown): never {
  const told = error instanceof ConfigError ? error.message : startFailure(error);
  process.stderr.write(`sluice: ${told}\n`);
  process.exit(1);
}

function startFailure(error: unknown): string {
  const { code, message, stack } = error as NodeJS.ErrnoException;
  if (code === "EADDRINUSE") return "The port is taken. Set PORT to another one, or to 0 for any.";
  if (code?.startsWith("ERR_PARSE_ARGS")) return `${message}\n\n${USAGE}`;
  return stack ?? String(error);
}

main(process.argv.slice(2)).catch(fail);
