import { expect, it, onTestFinished } from "vitest";
import { Counts } from "../../src/counts/counts.ts";
import { MemoryLog } from "../../src/log/memory.ts";
import { EventType } from "../../src/protocol/events.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import { deliver } from "../../src/server/deliver.ts";
import { parseNarrowing, viewFor } from "../../src/server/narrowing.ts";
import { startSluice } from "../support/sluice.ts";
import { postRun, textOf, userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

it("a client that unsubscribes while the socket drains is sent nothing more", async () => {
  const log = new MemoryLog({ maxEvents: 100, maxBytes: 10_000_000, maxTotalBytes: 10_000_000, retentionMs: 1_000 });
  const topic = threadTopic("t");
  const after = await log.open(topic);
  // One page, and several batches.
  const json = JSON.stringify({ type: EventType.CUSTOM, name: "n", value: "x".repeat(100_000) });
  const entry = {
    json,
    type: EventType.CUSTOM,
    runId: "r",
    span: undefined,
    edge: "point",
    provenance: undefined,
  } as const;
  await log.append(topic, 1, [entry, entry, entry]);
  const following = new AbortController();
  const sent: number[] = [];
  await deliver({
    log,
    counts: new Counts(),
    topic,
    beginning: { after, since: undefined, first: undefined },
    ending: undefined,
    view: viewFor(parseNarrowing({}), () => "1.0", topic),
    format: { graph: false, encode: ({ json }) => [json] },
    peer: {
      closed: new AbortController().signal,
      send: async (frames) => {
        sent.push(frames.length);
        following.abort();
      },
    },
    signal: following.signal,
    catchUp: async () => undefined,
  });
  expect(sent).toEqual([1]);
});

it("pieces of a text that come quickly leave as one event, the first of them at once", async () => {
  const model = new SteppedModel();
  const app = await startSluice({ agent: { graph: chatGraph(model) } }, { COALESCE_MS: "1000" });
  onTestFinished(() => app.close());
  const run = await postRun(app.url, userInput("hi"));
  model.say("0 ");
  await run.until(EventType.TEXT_MESSAGE_CONTENT);
  for (let index = 1; index <= 50; index += 1) {
    model.say(`${index} `);
    await new Promise(setImmediate);
  }
  model.end();
  const events = await run.done;
  expect(textOf(events)).toBe(Array.from({ length: 51 }, (_, index) => `${index} `).join(""));
  const deltas = events.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.delta] : []));
  expect(deltas[0]).toBe("0 ");
  // Without the setting nearly every turn of the event loop makes one.
  expect(deltas.length).toBeLessThan(10);
});
