/** `sluice audit`: reports private data that leaves a graph. */
import { type Command, UsageError } from "./command.ts";
import { secondsIn } from "./options.ts";

const options = {
  message: { type: "string", short: "m" },
  agent: { type: "string" },
  config: { type: "string", short: "c" },
  "real-model": { type: "boolean" },
  "real-tool": { type: "string", multiple: true },
  env: { type: "string", multiple: true },
  timeout: { type: "string" },
  json: { type: "boolean" },
} as const;

const MESSAGE = "Please do what you are made for.";
const TIMEOUT_SECONDS = 30;

export const audit: Command<typeof options> = {
  summary: "reports private data that leaves a graph",
  usage: `Usage: sluice audit <file>[:<export>]

Runs a graph in a process of its own, in which each variable of the environment is a made-up word and nothing goes out to
the network. Models follow a script and tools are stubs. Then it uses every door as a client, and reports which
prompts, state, words of hidden nodes, variables, arguments, results and errors came out, at which door, and by which
line of the allow-list. "audit" of the agent in agents.json names the values that may leave.

Options:
  -m, --message <text>     what to say
  -c, --config <file>      an agents.json or a langgraph.json: filters and settings of the agent count too
      --agent <name>       which agent of the --config          (default: the first)
      --real-model         calls the real models, over the network
      --real-tool <name>   runs this tool, with the network; may be given again
      --env <name>         this variable keeps its value, such as a real model's key; may be given again
      --timeout <seconds>  for one run                          (default: ${TIMEOUT_SECONDS})
      --json               prints a JSON document
  -h, --help               this

Exit codes: 0, no forbidden value left; 1, at least one did; 2, the graph could not be examined.`,
  options,
  failure: (message, args) => (args.includes("--json") ? failed(message) : undefined),
  async run({ values, positionals }, { cwd, packageRoot, print, printError }) {
    const [graph, ...others] = positionals;
    if (others.length > 0) throw new UsageError(`One graph at a time: ${graph}, or ${others[0]}?`);
    if ((graph === undefined) === (values.config === undefined)) throw new UsageError("Give a graph, or --config.");
    if (graph?.includes("://"))
      throw new UsageError("It examines a graph in a file, and no server: my-graph.mjs:graph.");
    const { auditInProcess } = await import("../audit/process.ts");
    const { asText, reportOf } = await import("../audit/report.ts");
    const { messageOf } = await import("../protocol/redact.ts");
    try {
      const found = await auditInProcess(
        {
          sources: { cwd, packageRoot, graphs: graph === undefined ? [] : [graph], configFile: values.config },
          agent: values.agent,
          message: values.message ?? MESSAGE,
          realModel: values["real-model"] === true,
          realTools: values["real-tool"] ?? [],
          timeoutMs: secondsIn("--timeout", values.timeout, TIMEOUT_SECONDS),
        },
        values.env ?? [],
        (text) => void process.stderr.write(text),
      );
      const report = reportOf(found);
      print(values.json ? JSON.stringify(report, null, 2) : asText(report));
      return report.exitCode;
    } catch (error) {
      if (error instanceof UsageError) throw error;
      // Exit code 1 would say that a forbidden value left, which was not seen here.
      if (values.json) print(failed(messageOf(error)));
      else printError(`sluice: ${messageOf(error)}`);
      return 2;
    }
  },
};

function failed(message: string): string {
  return JSON.stringify({ schema: 1, exitCode: 2, error: message, leaks: [] }, null, 2);
}
