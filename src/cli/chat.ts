/** `sluice chat`: asks an agent in the terminal, once or in a conversation. */
import { randomUUID } from "node:crypto";
import { type Command, UsageError } from "./command.ts";

const options = {
  agent: { type: "string", short: "a" },
  graph: { type: "string", short: "g" },
  url: { type: "string", short: "u" },
  thread: { type: "string", short: "t" },
} as const;

export const chat: Command<typeof options> = {
  summary: "asks an agent in the terminal",
  usage: `Usage: sluice chat [question] [--graph <file>:<export> | --url <url>] [--agent <name>]

Asks one of the agents that "sluice serve" would serve here, a graph, or a running server, and shows the answer as it
comes. Without a question it is a conversation, or the question is what is piped in. When stdout is no terminal it gets
the answer and nothing else. Ctrl-C cancels a run; a second one ends the program.

Options:
  -g, --graph <file>:<export>   asks this graph, in this process
  -u, --url <url>               asks a server, like http://127.0.0.1:8123
  -a, --agent <name>            which agent; default: the first
  -t, --thread <id>             goes on with a thread of the server's; needs --url
  -h, --help                    this

Exit codes: 0 answered, 1 failed, 2 called wrongly, 3 waits for an answer that nobody gave, 130 cancelled.`,
  options,
  async run({ values: { agent, graph, url, thread }, positionals }, context) {
    if (graph !== undefined && url !== undefined) throw new UsageError("--graph and --url exclude each other.");
    if (thread !== undefined && url === undefined) {
      throw new UsageError("--thread needs --url: without a server, threads end with the program.");
    }
    const [first] = positionals;
    if (first !== undefined && looksLikeTarget(first)) {
      const option = first.includes("://") ? "--url" : "--graph";
      throw new UsageError(`"${first}" is no question. To ask it one, put ${option} before it.`);
    }
    const [{ Terminal }, { Conversation }, { localTarget, remoteTarget }] = await Promise.all([
      import("./chat/terminal.ts"),
      import("./chat/conversation.ts"),
      import("./chat/target.ts"),
    ]);
    const remote = url === undefined ? undefined : remoteTarget(url);
    const terminal = new Terminal();
    const question = positionals.join(" ") || (await terminal.piped());
    if (question === "" || (question === undefined && !terminal.interactive)) {
      throw new UsageError("Which question? It is an argument, or comes in through a pipe.");
    }
    const target = remote ?? (await localTarget(graph, context));
    try {
      const threadId = thread ?? randomUUID();
      const conversation = new Conversation({ url: target.url, agent, threadId }, terminal);
      if (question !== undefined) return await conversation.ask(question);
      terminal.say(`This is ${agent ?? target.name}. Ctrl-C stops an answer, Ctrl-D ends the conversation.`);
      await conversation.hold();
      if (remote) terminal.say(`To go on with this thread: --thread ${threadId}`);
      return 0;
    } finally {
      await target.close();
    }
  },
};

/** Is it what `serve` and `doctor` take where this command takes a question? */
function looksLikeTarget(word: string): boolean {
  return /^\S+\.[cm]?[jt]sx?(:\S*)?$/.test(word) || /^(https?|wss?):\/\/\S+$/.test(word);
}
