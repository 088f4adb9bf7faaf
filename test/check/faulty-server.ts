/** A small AG-UI server over SSE, with faults that a test can turn on. */
import { createServer, type IncomingMessage } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as delay } from "node:timers/promises";

export const FAULTS = {
  "another type": "1.1",
  "event fields": "1.2",
  "anything is taken": "1.3",
  "the response stays open": "1.4",
  "a proxy may change it": "1.5",
  "an event without its fields": "2.1",
  "another run is started": "2.2",
  "a delta outside its message": "2.3",
  "a message is left open": "2.4",
  "something after the end": "2.5",
  "a result of no call": "2.7",
  "no end": "3.1",
  "half a character": "4.1",
  "one burst": "5.1",
} as const;

export type Fault = keyof typeof FAULTS;

const WORDS = "A river goes where the ground lets it, takes its time, and finds the sea 🌊 at last.".split(/(?<= )/);

function eventsOf({ threadId, runId }: { threadId: string; runId: string }, has: (fault: Fault) => boolean): object[] {
  const content = (delta: string) => ({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta });
  const cut = (word: string) => (word.startsWith("🌊") ? [word.slice(0, 1), word.slice(1)] : [word]);
  const words = has("half a character") ? WORDS.flatMap(cut) : WORDS;
  return [
    { type: "RUN_STARTED", threadId, runId: has("another run is started") ? "other" : runId },
    ...(has("a delta outside its message") ? [{ ...content("Well. "), messageId: "other" }] : []),
    ...(has("an event without its fields") ? [{ type: "STATE_SNAPSHOT_OF", messageId: "m" }] : []),
    ...(has("a result of no call") ? [{ type: "TOOL_CALL_RESULT", messageId: "t", toolCallId: "c", content: "" }] : []),
    { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
    ...words.map(content),
    ...(has("a message is left open") ? [] : [{ type: "TEXT_MESSAGE_END", messageId: "m" }]),
    ...(has("no end")
      ? []
      : [{ type: "RUN_FINISHED", threadId, runId: has("another run is started") ? "other" : runId }]),
    ...(has("something after the end") ? [{ type: "CUSTOM", name: "bye", value: 1 }] : []),
  ];
}

/** Serves until `close` is called. */
export async function faultyServer(faults: readonly Fault[]): Promise<{ url: string; close(): void }> {
  const has = (fault: Fault) => faults.includes(fault);
  const server = createServer(async (request: IncomingMessage, response) => {
    if (request.method !== "POST") return void response.writeHead(404).end();
    const input = JSON.parse(await text(request)) as { threadId: string; runId: string; messages: unknown };
    if (!Array.isArray(input.messages) && !has("anything is taken")) return void response.writeHead(422).end("{}");
    response.writeHead(200, {
      "content-type": has("another type") ? "application/json" : "text/event-stream",
      "cache-control": has("a proxy may change it") ? "no-cache" : "no-cache, no-transform",
    });
    if (has("one burst")) await delay(500);
    for (const event of eventsOf(input, has)) {
      response.write(`${has("event fields") ? "event: message\n" : ""}data: ${JSON.stringify(event)}\n\n`);
      if (!has("one burst")) await delay(25);
    }
    if (!has("the response stays open")) response.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`, close };
}
