/** Reads a run over SSE as it arrives. */
import { randomUUID } from "node:crypto";
import { readSse } from "../../src/client/sse.ts";
import { type AguiEvent, EventType, type RunAgentInput } from "../../src/protocol/events.ts";

export interface SseRun {
  readonly response: Response;
  /** Every event so far. */
  readonly events: AguiEvent[];
  /**
   * Resolves with the first event of one of these types, including earlier events. Rejects if the stream ends first.
   */
  until(...types: EventType[]): Promise<AguiEvent>;
  /** Resolves with all events when the server has ended the stream. Rejects if the stream is cut. */
  readonly done: Promise<AguiEvent[]>;
  /** Closes the connection. */
  abort(): void;
}

/** Returns the body with which a client of protocol 1.0 adds a message to a thread. */
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

/** Returns the text of all messages, joined from their deltas. */
export function textOf(events: readonly AguiEvent[]): string {
  return events.map((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? event.delta : "")).join("");
}
