/** Server-sent events from the body of a response. */
import { createParser, type EventSourceMessage } from "eventsource-parser";

/** The events in the order they come. Ends when the body ends, and throws when it is cut. */
export async function* readSse(body: ReadableStream<Uint8Array>): AsyncGenerator<EventSourceMessage> {
  const reader = body.getReader(); // Not every browser can iterate over a stream.
  const decoder = new TextDecoder();
  const events: EventSourceMessage[] = [];
  const parser = createParser({ onEvent: (event) => events.push(event) });
  try {
    while (true) {
      const { done, value } = await reader.read();
      if (done) return;
      parser.feed(decoder.decode(value, { stream: true }));
      yield* events.splice(0);
    }
  } finally {
    reader.cancel().catch(() => {}); // It may have ended already.
  }
}
