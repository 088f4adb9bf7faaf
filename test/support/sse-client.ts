/** A run over SSE, read as it comes. */
import { randomUUID } from "node:crypto";
import { readSse } from "../../src/client/sse.ts";
import { type AguiEvent, EventType, type RunAgentInput } from "../../src/protocol/events.ts";

export interface SseRun {
  readonly response: Response;
  /** Every event so far. */
  readonly events: AguiEvent[];
  /** Resolves with the first event, old or new, of one of these types. Rejects when the stream ends without. */
  until(...types: EventType[]): Promise<AguiEvent>;
  /** All events, once the server has ended the stream. Rejects when the stream is cut. */
  readonly done: Promise<AguiEvent[]>;
  /** Hangs up. */
  abort(): void;
}

/** The body that a client of protocol 1.0 sends to add a message to a thread. */
export function userInput(content: string, input: Partial<RunAgentInput> = {}): RunAgentInput {
  return {
    threadId: randomUUID(),
    runId: randomUUID(),
    protocolVersion: "1.0",
    messages: [{ id: randomUUID(), role: "user", content }],
    tools: [],
    context: [],
    ...input,
  };
}

/** Posts a `RunAgentInput` to a server's default agent, or to `path`. */
export async function postRun(server: string, input: RunAgentInput, path = "/agui"): Promise<SseRun> {
  const controller = new AbortController();
  const response = await fetch(`${server}${path}`, {
    method: "POST",
    headers: { "content-type": "application/json", accept: "text/event-stream" },
    body: JSON.stringify(input),
    signal: controller.signal,
  });
  if (!response.ok || !response.body) throw new Error(`${response.status} ${await response.text()}`);
  const events: AguiEvent[] = [];
  const waiting = new Set<() => void>();
  const done = read(response.body, (event) => {
    events.push(event);
    for (const look of waiting) look();
  }).then(() => events);
  done.catch(() => {});
  return {
    response,
    events,
    done,
    abort: () => controller.abort(),
    until: (...types) =>
      new Promise((resolve, reject) => {
        const look = () => {
          const found = events.find(({ type }) => types.includes(type));
          if (!found) return;
          waiting.delete(look);
          resolve(found);
        };
        waiting.add(look);
        const ended = () => {
          if (waiting.delete(look)) reject(new Error(`ended without ${types}: ${events.map(({ type }) => type)}`));
        };
        done.then(ended, ended);
        look();
      }),
  };
}

async function read(body: ReadableStream<Uint8Array>, heard: (event: AguiEvent) => void): Promise<void> {
  for await (const { data } of readSse(body)) heard(JSON.parse(data) as AguiEvent);
}

/** The text of all messages, put together from their deltas. */
export function textOf(events: readonly AguiEvent[]): string {
  return events.map((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? event.delta : "")).join("");
}
