/** `sluice doctor`: says whether tokens really stream. */
import { join, relative } from "node:path";
import { type Command, type CommandArgs, type CommandContext, UsageError } from "./command.ts";
import { type Exit, guardExit } from "./doctor/exit.ts";
import { headersOf, jsonIn, secondsIn } from "./options.ts";

const options = {
  message: { type: "string", short: "m" },
  input: { type: "string" },
  agent: { type: "string" },
  config: { type: "string", short: "c" },
  header: { type: "string", multiple: true },
  "expect-reasoning": { type: "boolean" },
  "first-token-seconds": { type: "string" },
  timeout: { type: "string" },
  json: { type: "boolean" },
} as const;

/** A question with an answer that is long enough to come in many pieces. */
const MESSAGE = "Tell me in about eighty words how a river finds its way to the sea.";
const FIRST_TOKEN_SECONDS = 10;
const TIMEOUT_SECONDS = 60;
/** The width where there is no terminal to fit. */
const WIDTH = 100;

export const doctor: Command<typeof options> = {
  summary: "says whether tokens really stream, and if not, why",
  usage: `Usage: sluice doctor <file>[:<export>] | <address>

Asks a graph or a running server one question and watches the answer come: whether it really streams token by token,
and if not, why, and what to change. An address is a Sluice's own, such as http://127.0.0.1:8123, or any AG-UI endpoint.
A Sluice whose answer comes held back over HTTP is asked once more over its WebSocket; the report says so.

Options:
  -m, --message <text>             what to say                  (default: asks for eighty words about rivers)
      --input <json>               what the graph is given, if that is no messages; for a server, the run's state
      --agent <name>               which agent of the server, or of the --config
  -c, --config <file>              an agents.json or a langgraph.json: filters and settings of the agent count too
      --header <name: value>       sent to the server with each request, such as a sign-in; may be given again
      --expect-reasoning           the answer has to have reasoning
      --first-token-seconds <s>    the most that the first token may take         (default: ${FIRST_TOKEN_SECONDS})
      --timeout <s>                how long the run may take                      (default: ${TIMEOUT_SECONDS})
      --json                       for programs: one JSON document on stdout, whatever happens
  -h, --help                       this

Exit codes: 0, tokens stream; 1, they do not; 2, it could not be seen: a wrong option, no such file or server, no key,
or a run that failed.`,
  options,
  failure: (message, args) => {
    const json = args.includes("--json");
    return json ? JSON.stringify(failed(message), null, 2) : undefined;
  },
  async run({ values, positionals }, context) {
    const asked = examination(values, positionals, context); // before LangChain is loaded: a wrong call is refused at once
    const [{ examine }, { report, reportJson }, { exitCode, PAGE }, { ConfigError }] = await Promise.all([
      import("../doctor/doctor.ts"),
      import("../doctor/report.ts"),
      import("../doctor/verdict.ts"),
      import("../config/config-error.ts"),
    ]);
    const json = values.json === true;
    const exit: Exit = guardExit(json, (why) => (json ? JSON.stringify(failed(why), null, 2) : `sluice: ${why}`));
    try {
      const { evidence, verdicts } = await examine(asked);
      const { isTTY, columns } = process.stdout;
      // A terminal may report no width.
      const style = {
        width: isTTY && columns > 0 ? columns : WIDTH,
        color: isTTY && process.stdout.hasColors(),
        page: relative(context.cwd, join(context.packageRoot, PAGE)),
      };
      exit.print(json ? reportJson(evidence, verdicts) : report(evidence, verdicts, style));
      return exitCode(verdicts);
    } catch (error) {
      // Exit code 1 would say that tokens do not stream, which was not seen here.
      const message = error instanceof ConfigError ? error.message : String((error as Error)?.stack ?? error);
      if (json) exit.print(JSON.stringify(failed(message), null, 2));
      else {
        exit.done();
        context.printError(`sluice: ${message}`);
      }
      return 2;
    }
  },
};

/** The JSON for programs when there is no report. */
function failed(message: string) {
  return { schema: 1, streams: null, exitCode: 2, error: message, verdicts: [] };
}

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
    input: jsonIn("--input", values.input),
    headers: headersOf(values.header),
    firstTokenMs: secondsIn("--first-token-seconds", values["first-token-seconds"], FIRST_TOKEN_SECONDS),
    timeoutMs: secondsIn("--timeout", values.timeout, TIMEOUT_SECONDS),
    expectReasoning: values["expect-reasoning"] === true,
    cwd,
    packageRoot,
  };
}
