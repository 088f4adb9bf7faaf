/** `sluice doctor`: says whether tokens really stream. */
import { join, relative } from "node:path";
import { type Command, type CommandArgs, type CommandContext, UsageError } from "./command.ts";

const options = {
  message: { type: "string", short: "m" },
  input: { type: "string" },
  agent: { type: "string" },
  config: { type: "string", short: "c" },
  "expect-reasoning": { type: "boolean" },
  "first-token-seconds": { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean" },
} as const;

/** Long enough to be told in many pieces. */
const MESSAGE = "Tell me in about eighty words how a river finds its way to the sea.";
const FIRST_TOKEN_SECONDS = 10;
const TIMEOUT_SECONDS = 60;
/** Where there is no terminal to fit. */
const WIDTH = 100;

export const doctor: Command<typeof options> = {
  summary: "says whether tokens really stream, and if not, why",
  usage: `Usage: sluice doctor <file>[:<export>] | <address>

Asks a graph or a running server one question and watches the answer come: whether it really streams token by token,
and if not, why, and what to change. An address is a Sluice's own, such as http://127.0.0.1:8123, or any AG-UI endpoint.

Options:
  -m, --message <text>             what to say                  (default: asks for eighty words about rivers)
      --input <json>               what the graph is given, if that is no messages; for a server, the run's state
      --agent <name>               which agent of the server, or of the --config
  -c, --config <file>              an agents.json or a langgraph.json: filters and settings of the agent count too
      --expect-reasoning           the answer has to have reasoning
      --first-token-seconds <s>    the most that the first token may take         (default: ${FIRST_TOKEN_SECONDS})
      --timeout <s>                how long the run may take                      (default: ${TIMEOUT_SECONDS})
      --json                       for programs
  -h, --help                       this

Exit codes: 0, tokens stream; 1, they do not; 2, there was nothing to examine.`,
  options,
  async run({ values, positionals }, context) {
    const [{ examine }, { report, reportJson }, { healthy, PAGE }, { ConfigError }] = await Promise.all([
      import("../doctor/doctor.ts"),
      import("../doctor/report.ts"),
      import("../doctor/verdict.ts"),
      import("../config/config-error.ts"),
    ]);
    try {
      const { evidence, verdicts } = await examine(examination(values, positionals, context));
      const { isTTY, columns } = process.stdout;
      // A terminal may not know how wide it is.
      const style = {
        width: isTTY && columns > 0 ? columns : WIDTH,
        color: isTTY && process.stdout.hasColors(),
        page: relative(context.cwd, join(context.packageRoot, PAGE)),
      };
      context.print(values.json ? reportJson(evidence, verdicts) : report(evidence, verdicts, style));
      return healthy(verdicts) ? 0 : 1;
    } catch (error) {
      // 1 says that tokens do not stream, which nobody has seen here.
      if (!(error instanceof ConfigError)) throw error;
      context.printError(`sluice: ${error.message}`);
      return 2;
    }
  },
};

function examination(
  values: CommandArgs<typeof options>["values"],
  [target, ...others]: readonly string[],
  { cwd, packageRoot }: CommandContext,
) {
  const { config: configFile, agent, message = MESSAGE } = values;
  if (others.length > 0) throw new UsageError(`One graph or address at a time: ${target}, or ${others[0]}?`);
  if (target === undefined && configFile === undefined) throw new UsageError("Which graph or address?");
  return {
    target,
    agent,
    configFile,
    message,
    input: json("--input", values.input),
    firstTokenMs: seconds("--first-token-seconds", values["first-token-seconds"], FIRST_TOKEN_SECONDS),
    timeoutMs: seconds("--timeout", values.timeout, TIMEOUT_SECONDS),
    expectReasoning: values["expect-reasoning"] === true,
    cwd,
    packageRoot,
  };
}

function seconds(option: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (value > 0 && value <= 86_400) return value * 1_000;
  throw new UsageError(`${option} ${text}: it takes a number of seconds above 0.`);
}

function json(option: string, text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    throw new UsageError(`${option}: it takes JSON, like '{"topic":"rivers"}'.`);
  }
}
