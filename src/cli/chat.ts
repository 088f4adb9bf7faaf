/** `sluice chat`: asks an agent in the terminal, once or in a conversation. */
import { randomUUID } from "node:crypto";
import type { Target } from "./chat/target.ts";
import { type Command, UsageError } from "./command.ts";
import { headersOf } from "./options.ts";

const options = {
  graph: { type: "string", short: "g" },
  config: { type: "string", short: "c" },
  url: { type: "string", short: "u" },
  agent: { type: "string", short: "a" },
  thread: { type: "string", short: "t" },
  header: { type: "string", multiple: true },
} as const;

export const chat: Command<typeof options> = {
  summary: "asks an agent in the terminal",
  usage: `Usage: sluice chat [question] [--graph <file>[:<export>] | --config <file> | --url <url>] [--agent <name>]

Asks an agent that "sluice serve" would serve here, a graph, or a running server, and shows the answer as it comes.
Without a question it is a conversation, or asks what is piped in. Where stdout is no terminal it gets the answer and
nothing else. Ctrl-C cancels the run; a second one ends the program.

Options:
  -g, --graph <file>[:<export>]  asks this graph
  -c, --config <file>            asks an agent of this agents.json or langgraph.json
  -u, --url <url>                asks a server, like http://127.0.0.1:8123
  -a, --agent <name>             which agent                  (default: the first)
  -t, --thread <id>              goes on with a thread of the server's; needs --url
      --header <name: value>     sent to the server, such as a sign-in; may be given again
  -h, --help                     this

Exit codes: 0 answered, 1 failed or said nothing, 2 called wrongly or no such agent, 3 the graph waits for an answer, 130 cancelled.`,
  options,
  async run({ values: { graph, config, url, agent, thread, header }, positionals }, context) {
    if ([graph, config, url].filter((value) => value !== undefined).length > 1) {
      throw new UsageError("Give one of --graph, --config and --url.");
    }
    if (thread !== undefined && url === undefined) {
      throw new UsageError("--thread needs --url: without a server, threads end with the program.");
    }
    if (header !== undefined && url === undefined) throw new UsageError("--header needs --url.");
    const headers = headersOf(header);
    const [first] = positionals;
    if (first !== undefined && looksLikeTarget(first)) {
      const option = first.includes("://") ? "--url" : "--graph";
      throw new UsageError(`"${first}" is no question. To ask it one, put ${option} before it.`);
    }
    const [{ Terminal }, { ThreadChat, EXIT }, { localTarget, remoteTarget }, { oneLine }, { MAX_ERROR }] =
      await Promise.all([
        import("./chat/terminal.ts"),
        import("./chat/thread-chat.ts"),
        import("./chat/target.ts"),
        import("./chat/printable.ts"),
        import("./chat/parts.ts"),
      ]);
    const remote = url === undefined ? undefined : remoteTarget(url, headers);
    const terminal = new Terminal();
    const question = positionals.join(" ") || (await terminal.piped());
    if (question === "" || (question === undefined && !terminal.interactive)) {
      throw new UsageError("Which question? It is an argument, or comes in through a pipe.");
    }
    const target =
      remote ??
      (await localTarget({ graph, config }, context, (why) =>
        terminal.sayAfter(`In full: ${oneLine(why, MAX_ERROR)}`),
      ));
    try {
      const threadId = thread ?? randomUUID();
      const conversation = new ThreadChat({ ...target, agent, threadId }, terminal);
      if (question === undefined) {
        await known(agent, target);
        terminal.say(
          `This is ${agent ?? target.name}. Ctrl-C stops an answer, Ctrl-D ends the conversation, /help says more.`,
        );
      }
      const code = await (question === undefined ? conversation.hold() : conversation.ask(question));
      const unfinished = question === undefined || code === EXIT.asked;
      if (remote && thread === undefined && unfinished) terminal.say(`This thread goes on with --thread ${threadId}`);
      return code;
    } finally {
      await target.close();
    }
  },
};

/**
 * @throws UsageError when there is no agent of this name. A single question does not need this check: its run reports
 * it.
 */
async function known(agent: string | undefined, target: Target): Promise<void> {
  if (agent === undefined) return;
  // A server that does not list its agents answers the first question with the reason.
  const agents = await target.agents().catch(() => [agent]);
  if (!agents.includes(agent)) {
    throw new UsageError(`--agent: there is no agent "${agent}". Agents: ${agents.join(", ")}.`);
  }
}

/** Does the word look like a file or an address, which `serve` and `doctor` take in this place? */
function looksLikeTarget(word: string): boolean {
  return /^\S+\.[cm]?[jt]sx?(:\S*)?$/.test(word) || /^(https?|wss?):\/\/\S+$/.test(word);
}
