/** The log in Redis alone, in a child of the bench. */
import type { NewEntry } from "../../src/log/log.ts";
import { EventType } from "../../src/protocol/events.ts";
import { answer, cpuMicros, startCpu } from "./child.ts";

const BUILT = new URL("../../dist/log/redis/redis-log.js", import.meta.url).href;
const { RedisLog } = (await import(BUILT)) as typeof import("../../src/log/redis/redis-log.ts");

const LIMITS = { maxEvents: 1_000_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 };

export interface Appending {
  readonly url: string;
  readonly topics: number;
  /** The number of appends to each topic. */
  readonly appends: number;
  /** The number of entries per append. */
  readonly batch: number;
  /** Characters of an entry's JSON. */
  readonly length: number;
}

export interface Appended {
  /** The time until Redis had acknowledged all entries, in milliseconds. */
  readonly ms: number;
  /** The CPU time of this process, in microseconds. */
  readonly micros: number;
  /** The number of entries that another reader finds in Redis. */
  readonly found: number;
}

async function append({ url, topics, appends, batch, length }: Appending): Promise<Appended> {
  const log = new RedisLog({ ...LIMITS, url, prefix: `log-${process.pid}:`, failed: () => {} });
  await log.ready();
  const names = Array.from({ length: topics }, (_, index) => `thread:${index}` as const);
  await Promise.all(names.map((topic) => log.claim(topic, 1)));
  const entry: NewEntry = {
    json: JSON.stringify("x".repeat(length - 2)),
    type: EventType.TEXT_MESSAGE_CONTENT,
    runId: "run",
    span: "message",
    edge: "inside",
    provenance: { events: ["on_chat_model_stream"], node: "model", name: "bench", tags: [], depth: 1 },
  };
  const entries = Array.from({ length: batch }, () => entry);
  startCpu();
  const began = performance.now();
  await Promise.all(
    names.map(async (topic) => {
      for (let time = 0; time < appends; time += 1) await log.append(topic, 1, entries);
      await log.settled(topic);
    }),
  );
  const ms = performance.now() - began;
  const micros = cpuMicros();
  await log.close();
  const reader = new RedisLog({ ...LIMITS, url, prefix: `log-${process.pid}:`, failed: () => {} });
  await reader.ready();
  const heads = await Promise.all(names.map((topic) => reader.head(topic)));
  await reader.close();
  return { ms, micros, found: heads.reduce((sum, head) => sum + (head?.offset ?? 0), 0) };
}

answer({ append });
