/** All ways by which data leaves a server. A new format, route or output gets a line here. */
import { randomUUID } from "node:crypto";
import { WebSocket } from "ws";
import { isRecord } from "../protocol/input.ts";

export interface Visit {
  /** Like `http://127.0.0.1:8123`. */
  readonly url: string;
  readonly agent: string;
  readonly message: string;
  readonly signal: AbortSignal;
  /** The server's log so far, a line each. */
  readonly logged: readonly string[];
}

/** Runs the agent and returns everything that a client of this kind was sent. */
export type Door = (visit: Visit) => Promise<string[]>;

/** The token that the audit's own server requires for its metrics. */
export const METRICS_TOKEN = "the-audit-reads-its-own-metrics";

/** The only door whose output no client gets. */
export const LOG = "the server's log";

export const DOORS: Readonly<Record<string, Door>> = {
  SSE: (visit) => run(visit, input(visit)),
  "SSE, tokens=false": (visit) => run(visit, input(visit), "run?tokens=false"),
  JSON: (visit) => run(visit, input(visit), "run", "application/json"),
  "POST /chat": (visit) => ask(visit, "/chat", { message: visit.message, agent: visit.agent, threadId: randomUUID() }),
  "WebSocket, agui": (visit) => overWebSocket(visit, "agui"),
  "WebSocket, frames": (visit) => overFrames(visit),
  "a message into the run": (visit) => overFrames(visit, visit.message),
  "WebSocket, text": (visit) => overWebSocket(visit, "text"),
  "WebSocket, langgraph": (visit) => overWebSocket(visit, "langgraph"),
  "snapshot for a client that comes late": async (visit) => {
    const { threadId } = await ran(visit);
    return ask(visit, `/agui/agent/${visit.agent}/connect`, { threadId }, "text/event-stream");
  },
  "snapshot after a gap": async (visit) => {
    const first = await ran(visit);
    return run(visit, first, "run", "text/event-stream", { "last-event-id": "lost:1" });
  },
  "a second turn": async (visit) => {
    const { threadId } = await ran(visit);
    return run(visit, { ...input(visit), threadId });
  },
  "GET /threads": async (visit) => {
    const { threadId } = await ran(visit);
    const paths = ["/threads", `/threads/${threadId}`, `/threads/${threadId}/messages`];
    return (await Promise.all(paths.map((path) => get(visit, path)))).flat();
  },
  "LangGraph's API, stream": (visit) =>
    ask(visit, `/langgraph/threads/${randomUUID()}/runs/stream`, langGraphRun(visit)),
  "LangGraph's API, wait": (visit) => ask(visit, "/langgraph/runs/wait", langGraphRun(visit)),
  "LangGraph's API, threads": async (visit) => {
    const thread = `/langgraph/threads/${randomUUID()}`;
    await ask(visit, `${thread}/runs/wait`, langGraphRun(visit));
    const posts = [`${thread}/history`, "/langgraph/threads/search", "/langgraph/assistants/search"];
    const gets = ["", "/state", "/runs"].map((path) => `${thread}${path}`);
    const about = ["", "/graph", "/schemas"].map((path) => `/langgraph/assistants/${visit.agent}${path}`);
    const said = [...posts.map((path) => ask(visit, path, {})), ...[...gets, ...about].map((path) => get(visit, path))];
    return (await Promise.all(said)).flat();
  },
  "LangGraph's streaming protocol": async (visit) => {
    const thread = `/langgraph/threads/${randomUUID()}`;
    const { stream_mode: _, ...params } = langGraphRun(visit);
    const answer = await ask(visit, `${thread}/commands`, { id: 1, method: "run.start", params });
    const channels = [...PROTOCOL_CHANNELS];
    const state = ask(visit, `${thread}/commands`, { id: 2, method: "state.get", params: {} });
    return [...answer, ...(await watched(visit, `${thread}/stream/events`, { channels })), ...(await state)];
  },
  "LangGraph's streaming protocol, WebSocket": (visit) => {
    const { stream_mode: _, ...params } = langGraphRun(visit);
    const address = `${visit.url.replace("http", "ws")}/langgraph/threads/${randomUUID()}/stream/events`;
    const channels = [...PROTOCOL_CHANNELS];
    const subscribe = JSON.stringify({ id: 1, method: "subscription.subscribe", params: { channels } });
    const start = JSON.stringify({ id: 2, method: "run.start", params });
    return conversation(new WebSocket(address), visit, subscribe, (frame) => {
      if (PROTOCOL_ENDED.test(frame) || frame.startsWith('{"type":"error"')) return "close";
      return frame.startsWith('{"type":"success","id":1,') ? start : undefined;
    });
  },
  "the AI SDK's chat, and its history": async (visit) => {
    const parts = [{ type: "text", text: visit.message }];
    const id = randomUUID();
    const messages = [{ id: randomUUID(), role: "user", parts }];
    const answer = await ask(visit, "/ai-sdk/chat", { id, agent: visit.agent, messages });
    return [...answer, ...(await get(visit, `/ai-sdk/chat/${id}`))];
  },
  "CopilotKit's threads": async (visit) => {
    const { threadId } = await ran(visit);
    const thread = `/agui/threads/${threadId}`;
    const paths = ["/agui/threads", `${thread}/messages`, `${thread}/events`, `${thread}/state`];
    return (await Promise.all(paths.map((path) => get(visit, path)))).flat();
  },
  "TanStack AI's threads, and a run that it joins": async (visit) => {
    const { threadId, runId } = await ran(visit);
    const thread = `/agui/agent/${visit.agent}/run?threadId=${threadId}`;
    return (await Promise.all([thread, `${thread}&runId=${runId}&offset=-1`].map((path) => get(visit, path)))).flat();
  },
  "WebSocket, tanstack": (visit) => overWebSocket(visit, "tanstack"),
  "CopilotKit's suggestions": (visit) => run(visit, input(visit), "suggest"),
  "GET /agui/info": (visit) => get(visit, "/agui/info"),
  "GET /metrics": async (visit) => {
    await ran(visit);
    const headers = { authorization: `Bearer ${METRICS_TOKEN}` };
    return [await (await fetch(`${visit.url}/metrics`, { headers, signal: visit.signal })).text()];
  },
  [LOG]: async (visit) => {
    await ran(visit);
    return [...visit.logged];
  },
};

const PROTOCOL_CHANNELS = [
  "values",
  "updates",
  "messages",
  "tools",
  "lifecycle",
  "input",
  "custom",
  "checkpoints",
  "tasks",
] as const;
const PROTOCOL_ENDED = /"method":"lifecycle".*"event":"(completed|failed|interrupted)"/;

interface Input {
  readonly threadId: string;
  readonly runId: string;
}

function input({ message }: Visit): Input {
  const messages = [{ id: randomUUID(), role: "user", content: message }];
  const rest = { protocolVersion: "1.0", state: {}, messages, tools: [], context: [], forwardedProps: {} };
  return { threadId: randomUUID(), runId: randomUUID(), ...rest };
}

/** A run in every mode that LangGraph's API has. */
function langGraphRun({ agent, message }: Visit) {
  const stream_mode = [
    "values",
    "updates",
    "messages",
    "messages-tuple",
    "custom",
    "events",
    "checkpoints",
    "tasks",
    "debug",
  ];
  return { assistant_id: agent, input: { messages: [{ type: "human", content: message }] }, stream_mode };
}

/** Runs the agent to its end, so that this door can read an earlier run. */
async function ran(visit: Visit): Promise<Input> {
  const body = input(visit);
  await run(visit, body);
  return body;
}

function run(visit: Visit, body: object, path = "run", accept = "text/event-stream", headers = {}): Promise<string[]> {
  return ask(visit, `/agui/agent/${visit.agent}/${path}`, body, accept, headers);
}

async function ask({ url, signal }: Visit, path: string, body: object, accept = "*/*", headers = {}) {
  const response = await fetch(`${url}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept, ...headers },
    body: JSON.stringify(body),
    signal,
  });
  return [JSON.stringify([...response.headers]), ...(await response.text()).split("\n")];
}

/** The text that a stream sends until the run's end. */
async function watched({ url, signal }: Visit, path: string, body: object): Promise<string[]> {
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${url}${path}`, { method: "POST", headers, body: JSON.stringify(body), signal });
  const decoder = new TextDecoder();
  let text = "";
  for await (const bytes of response.body ?? []) {
    text += decoder.decode(bytes, { stream: true });
    if (PROTOCOL_ENDED.test(text)) break;
  }
  return text.split("\n");
}

async function get({ url, signal }: Visit, path: string): Promise<string[]> {
  return [await (await fetch(`${url}${path}`, { signal })).text()];
}

const ENDED = /"type":"RUN_(FINISHED|ERROR)"|^\{"event":"(done|error)"|^\[(done|error|cancelled|waiting)/;
const WAITING = /"type":"interrupt"|^\[waiting/;
/** The most answers to a graph that asks again and again. */
const MOST_ANSWERS = 4;

async function overWebSocket(visit: Visit, format: string): Promise<string[]> {
  const url = `${visit.url.replace("http", "ws")}/ws?agent=${visit.agent}&thread=${randomUUID()}&format=${format}`;
  let answers = 0;
  return conversation(new WebSocket(url), visit, visit.message, (frame) => {
    if (!ENDED.test(frame)) return undefined;
    return WAITING.test(frame) && answers++ < MOST_ANSWERS ? "/approve" : "close";
  });
}

/** `injected`: a message that is sent into the run when it has begun. */
function overFrames(visit: Visit, injected?: string): Promise<string[]> {
  const socket = new WebSocket(`${visit.url.replace("http", "ws")}/ws?agent=${visit.agent}`, "sluice.v1");
  const body = input(visit);
  const start = JSON.stringify({ type: "run", id: "1", agent: visit.agent, input: body });
  const more = JSON.stringify({ type: "inject", id: "2", threadId: body.threadId, message: injected });
  return conversation(socket, visit, start, (frame) => {
    if (ENDED.test(frame) || isRefused(frame)) return "close";
    return injected !== undefined && frame.includes('"type":"RUN_STARTED"') ? more : undefined;
  });
}

function isRefused(frame: string): boolean {
  const value: unknown = JSON.parse(frame);
  return isRecord(value) && value.type === "error";
}

/**
 * Returns all frames until the socket closes. `after` gets each frame. It returns "close", a text to send, or
 * `undefined`.
 */
function conversation(
  socket: WebSocket,
  { signal }: Visit,
  first: string,
  after: (frame: string) => string | undefined,
): Promise<string[]> {
  const frames: string[] = [];
  const abort = () => socket.terminate();
  signal.addEventListener("abort", abort, { once: true });
  return new Promise((resolve, reject) => {
    socket.on("open", () => socket.send(first));
    socket.on("message", (data) => {
      const frame = String(data);
      frames.push(frame);
      const next = after(frame);
      if (next === "close") socket.close();
      else if (next !== undefined) socket.send(next);
    });
    socket.on("error", reject);
    socket.on("close", () => {
      signal.removeEventListener("abort", abort);
      resolve(frames);
    });
  });
}
