/** The page's requests as text to paste into a terminal or a file. */

export interface SnippetOf {
  /** The base of the protocol's paths, like `http://127.0.0.1:8123/`. */
  readonly base: string;
  readonly agent: string;
  readonly threadId: string;
  readonly runId: string;
  readonly messageId: string;
  readonly text: string;
  /** `false`: each message is sent in one piece, when it is complete. */
  readonly tokens: boolean;
  readonly reasoning: boolean;
}

/** Returns a command that runs the agent over SSE. Its ids are fixed, so sending it twice starts one run. */
export function curl(of: SnippetOf): string {
  return [
    `curl -N ${quoted(runUrl(of))}`,
    `-H ${quoted("Content-Type: application/json")}`,
    `-d ${quoted(JSON.stringify(input(of)))}`,
  ].join(" \\\n  ");
}

/** Returns a command that sends the message over a WebSocket with bare events. The socket stays open for a minute. */
export function wscat(of: SnippetOf): string {
  const url = new URL("ws", of.base.replace(/^http/, "ws"));
  url.searchParams.set("agent", of.agent);
  url.searchParams.set("thread", of.threadId);
  url.searchParams.set("protocol", "1.0");
  narrow(url, of);
  // Text that begins with { or / is a command; text that begins with - is an option of wscat.
  const plain = /^[^{/\p{Cc}-]\P{Cc}*$/u.test(of.text);
  return `npx wscat -c ${quoted(String(url))} -w 60 -x ${quoted(plain ? of.text : JSON.stringify(input(of)))}`;
}

/** Returns a module that sends the message with AG-UI's client. */
export function httpAgent(of: SnippetOf): string {
  const { threadId, messageId, text } = of;
  return `import { HttpAgent } from "@ag-ui/client";

const agent = new HttpAgent({ url: ${JSON.stringify(runUrl(of))}, threadId: ${JSON.stringify(threadId)} });
agent.addMessage({ id: ${JSON.stringify(messageId)}, role: "user", content: ${JSON.stringify(text)} });

await agent.runAgent(undefined, {
  onTextMessageContentEvent: ({ event }) => void process.stdout.write(event.delta),
  onRunErrorEvent: ({ event }) => console.error(event.code, event.message),
});
`;
}

/** Quotes any text as one argument for a POSIX shell. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

function runUrl(of: SnippetOf): string {
  const url = new URL(`agui/agent/${encodeURIComponent(of.agent)}/run`, of.base);
  narrow(url, of);
  return String(url);
}

function narrow(url: URL, { tokens, reasoning }: SnippetOf): void {
  if (!tokens) url.searchParams.set("tokens", "false");
  if (!reasoning) url.searchParams.set("reasoning", "false");
}

function input({ threadId, runId, messageId, text }: SnippetOf) {
  return { threadId, runId, protocolVersion: "1.0", messages: [{ id: messageId, role: "user", content: text }] };
}
