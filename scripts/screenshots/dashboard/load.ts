/** Good and bad clients at a steady pace, so that each panel of the dashboard has data. */
import { randomUUID } from "node:crypto";
import { connect } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { WebSocket } from "ws";
import { SluiceConnection, type WebSocketConstructor } from "../../../src/client/connection.ts";
import { readSse } from "../../../src/client/sse.ts";
import { type AguiEvent, isTerminal, type RunAgentInput } from "../../../src/protocol/events.ts";

export interface Target {
  readonly url: string;
  /** The API keys of a client that respects the limits, and of one that does not. */
  readonly keys: { readonly patient: string; readonly greedy: string };
}

/**
 * The agents that the clients use. `failing` throws; `bulky` sends more than the buffers of a client that does not
 * read.
 */
export const AGENTS = ["assistant", "researcher", "brief", "failing", "bulky"] as const;
type Agent = (typeof AGENTS)[number];

const LANES = 4;
const QUESTIONS = ["What is 12 * 7?", "How does a canal lock lift a boat?", "Why are there two tides a day?"];

/** Runs the clients until `signal` aborts. Rejects if the server does not treat a client as expected. */
export async function load(target: Target, signal: AbortSignal): Promise<void> {
  const every = async (ms: number, work: () => Promise<unknown>) => {
    while (!signal.aborted) {
      await Promise.all([work(), delay(ms, undefined, { signal }).catch(() => {})]);
    }
  };
  const patient = { ...target, key: target.keys.patient };
  const greedy = { ...target, key: target.keys.greedy };
  const lane = (index: number) => (index % 2 === 0 ? overSse : overFrames);
  let known: { readonly threadId: string; readonly cursor: string } | undefined;
  await Promise.all([
    ...Array.from({ length: LANES }, (_, index) =>
      every(200 + 150 * index, async () => {
        const question = QUESTIONS[index % QUESTIONS.length] ?? "";
        const input = inputOf(question);
        const cursor = await lane(index)(patient, index < 2 ? "assistant" : "researcher", input);
        if (cursor !== undefined) known = { threadId: input.threadId, cursor };
      }),
    ),
    every(6_000, () => ask(patient, "failing")),
    every(5_000, () => Promise.all(Array.from({ length: 30 }, () => ask(greedy, "brief")))),
    every(4_000, () => fetch(`${target.url}/threads`, { headers: { authorization: "Bearer wrong" } })),
    every(12_000, () => readNothing(patient)),
    every(7_000, async () => {
      if (!known) return;
      const first = known.cursor.replace(/:\d+$/, ":1");
      for (const after of [first, "f00:1"]) await watchOnce(patient, known.threadId, after);
    }),
  ]);
}

interface Signed {
  readonly url: string;
  readonly key: string;
}

function inputOf(content: string): RunAgentInput {
  const messages = [{ id: randomUUID(), role: "user" as const, content }];
  return { threadId: randomUUID(), runId: randomUUID(), messages, tools: [], context: [] };
}

function headersOf({ key }: Signed): Record<string, string> {
  return { authorization: `Bearer ${key}`, "content-type": "application/json" };
}

function post(client: Signed, agent: Agent, input: RunAgentInput): Promise<Response> {
  const body = JSON.stringify(input);
  return fetch(`${client.url}/agui/agent/${agent}/run`, { method: "POST", headers: headersOf(client), body });
}

/** Reads a run to its end, and returns the last cursor. */
async function overSse(client: Signed, agent: Agent, input: RunAgentInput): Promise<string | undefined> {
  const { ok, status, body } = await post(client, agent, input);
  if (!ok || !body) throw new Error(`The run was answered with ${status}.`);
  let cursor: string | undefined;
  for await (const { id } of readSse(body)) cursor = id ?? cursor;
  return cursor;
}

function overFrames({ url, key }: Signed, agent: Agent, input: RunAgentInput): Promise<string | undefined> {
  const connection = new SluiceConnection({
    url: `${url}/ws`,
    token: () => key,
    WebSocket: WebSocket as unknown as WebSocketConstructor,
  });
  return new Promise<string | undefined>((resolve, reject) => {
    const onEvent = (event: AguiEvent, { cursor }: { readonly cursor?: string | undefined }) => {
      if (isTerminal(event.type)) resolve(cursor);
    };
    connection.run(input, { agent, onEvent, onError: reject });
  }).finally(() => connection.close());
}

async function ask(client: Signed, agent: Agent): Promise<void> {
  await (await post(client, agent, inputOf("hi"))).text();
}

async function watchOnce(client: Signed, threadId: string, after: string): Promise<void> {
  const url = `${client.url}/threads/${threadId}/events?after=${after}`;
  const { body } = await fetch(url, { headers: headersOf(client) });
  for await (const { data } of body ? readSse(body) : []) {
    if (isTerminal((JSON.parse(data) as AguiEvent).type)) return;
  }
}

/** Requests more than a connection can buffer, and does not read until the server cuts it. */
function readNothing(client: Signed): Promise<void> {
  const { hostname, port, host } = new URL(client.url);
  const body = JSON.stringify(inputOf("hi"));
  const head = Object.entries({ ...headersOf(client), host, "content-length": String(body.length) });
  const socket = connect(Number(port), hostname).pause();
  socket.write(
    `POST /agui/agent/bulky/run HTTP/1.1\r\n${head.map((pair) => pair.join(": ")).join("\r\n")}\r\n\r\n${body}`,
  );
  return new Promise((resolve) => {
    // The socket's close is visible only after reading.
    setTimeout(() => socket.resume(), 4_000);
    socket.on("error", () => {}).once("close", () => resolve());
  });
}
