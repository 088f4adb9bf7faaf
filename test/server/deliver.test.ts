import { expect, it } from "vitest";
import { Counts } from "../../src/counts/counts.ts";
import { MemoryLog } from "../../src/log/memory.ts";
import { EventType } from "../../src/protocol/events.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import { deliver } from "../../src/server/deliver.ts";
import { parseNarrowing, viewFor } from "../../src/server/narrowing.ts";

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
