/** `sluice check`: checks that a server follows docs/binding.md, or that a graph is wired well. */
import { join, relative } from "node:path";
import { type Command, type CommandArgs, type CommandContext, UsageError } from "./command.ts";
import { headersOf, jsonIn, secondsIn } from "./options.ts";

const options = {
  message: { type: "string", short: "m" },
  agent: { type: "string" },
  config: { type: "string", short: "c" },
  input: { type: "string" },
  socket: { type: "string" },
  header: { type: "string", multiple: true },
  timeout: { type: "string" },
  json: { type: "boolean" },
} as const;

/** A question with an answer that is long enough to be cut, cancelled and joined by others. */
const MESSAGE = "Tell me in about eighty words how a river finds its way to the sea.";
const TIMEOUT_SECONDS = 60;
const PAGE = "docs/binding.md";

export const check: Command<typeof options> = {
  summary: "checks that a server follows AG-UI and its binding, or that a graph is wired well",
  usage: `Usage: sluice check <address> | <file>[:<export>]

Checks a running server requirement by requirement, as ${PAGE} numbers them: the sequence of its events, how responses
end, text in any script, pace, positions, resuming at every offset, cancelling, watchers, keep-alives, slow readers. It
asks the agent some fifty times. An address is a Sluice's own, such as http://127.0.0.1:8123, or any AG-UI endpoint.
A feature that a server does not offer counts neither for nor against it.

A graph in a file is run as Sluice runs it, once to its end and once to be stopped. This checks that each model call and
each node is seen, that tokens reach the stream, that the graph can be answered when it asks, and that stopping a run
stops the requests that it made.

Options:
  -m, --message <text>        what to say; the answer should take a second or more
      --agent <name>          which agent of a Sluice, or of the --config  (default: the first)
  -c, --config <file>         for a graph: an agents.json or a langgraph.json, whose settings count too
      --input <json>          for a graph: its input, if it takes no messages
      --socket <address>      the WebSocket of a server that is no Sluice
      --header <name: value>  sent with each request, such as a sign-in; may be given again
      --timeout <s>           how long a run may take                      (default: ${TIMEOUT_SECONDS})
      --json                  for programs: one JSON document on stdout
  -h, --help                  this

Exit codes: 0, every requirement that could be tried is met; 1, one is not; 2, nothing could be tried.`,
  options,
  failure: (message, args) => (args.includes("--json") ? failed(message) : undefined),
  async run({ values, positionals }, context) {
    const [target, ...others] = positionals;
    if (target === undefined) throw new UsageError("Which address or graph?");
    if (others.length > 0) throw new UsageError(`One address or graph at a time: ${target}, or ${others[0]}?`);
    const [{ Unchecked }, { ConfigError }] = await Promise.all([
      import("../check/unchecked.ts"),
      import("../config/config-error.ts"),
    ]);
    try {
      const isAddress = /^[a-z]{2,}:\/\//i.test(target);
      return await (isAddress ? server(target, values, context) : graph(target, values, context));
    } catch (error) {
      // Exit code 1 means that a problem was found, which is not the case here.
      if (!(error instanceof Unchecked) && !(error instanceof ConfigError)) throw error;
      if (values.json) context.print(failed(error.message));
      else context.printError(`sluice: ${error.message}`);
      return 2;
    }
  },
};

type Values = CommandArgs<typeof options>["values"];

async function server(url: string, values: Values, { cwd, packageRoot, print }: CommandContext): Promise<number> {
  const asked = addressed(url, values);
  const [{ check: checkServer }, { asJson, asText, exitCode }] = await Promise.all([
    import("../check/check.ts"),
    import("../check/report.ts"),
  ]);
  const finding = await checkServer(asked);
  print(values.json ? asJson(finding) : asText(finding, relative(cwd, join(packageRoot, PAGE))));
  return exitCode(finding);
}

async function graph(target: string, values: Values, { cwd, packageRoot, print }: CommandContext): Promise<number> {
  const { agent, config: configFile, message = MESSAGE } = values;
  const asked = {
    target,
    agent,
    configFile,
    message,
    input: jsonIn("--input", values.input),
    timeoutMs: secondsIn("--timeout", values.timeout, TIMEOUT_SECONDS),
    cwd,
    packageRoot,
  };
  const [{ checkWiring }, { wiringJson, wiringText }] = await Promise.all([
    import("../check/wiring.ts"),
    import("../check/report.ts"),
  ]);
  const checks = await checkWiring(asked);
  print(values.json ? wiringJson(target, checks) : wiringText(target, checks));
  return checks.every(({ passed }) => passed) ? 0 : 1;
}

function failed(message: string): string {
  return JSON.stringify({ schema: 1, exitCode: 2, error: message, chapters: [], requirements: [] }, null, 2);
}

function addressed(url: string, values: Values) {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    throw new UsageError(`${url}: an address begins with http:// or https://.`);
  }
  const { socket, agent, message = MESSAGE } = values;
  if (socket !== undefined && !(URL.canParse(socket) && /^wss?:$/.test(new URL(socket).protocol))) {
    throw new UsageError(`--socket ${socket}: an address begins with ws:// or wss://.`);
  }
  return {
    url,
    socket,
    agent,
    message,
    headers: headersOf(values.header),
    timeoutMs: secondsIn("--timeout", values.timeout, TIMEOUT_SECONDS),
  };
}
