import { describe, expect, it } from "vitest";
import type { Page } from "../../src/log/log.ts";
import { ENTRY_BYTES, MAX_UNWRITTEN_TOPICS, MemoryLog, type MemoryLogLimits } from "../../src/log/memory.ts";
import { type Topic, threadTopic } from "../../src/protocol/ids.ts";
import { eventLogContract } from "./contract.ts";
import { entries, entry, shown } from "./entries.ts";
import { pagesOf } from "./pages.ts";

const WIDE: MemoryLogLimits = { maxEvents: 10_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 };
const topic = threadTopic("t");

function memoryLog(limits: Partial<MemoryLogLimits> = {}, now?: () => number): MemoryLog {
  return new MemoryLog({ ...WIDE, ...limits }, now);
}

eventLogContract("memory", (maxEvents) => memoryLog({ maxEvents }));

async function kept(log: MemoryLog, of: Topic = topic): Promise<string[]> {
  return shown((await log.read(of, null, 10_000)).entries);
}

describe("what the memory log keeps of a topic", () => {
  it("is at most so many events, the newest", async () => {
    const log = memoryLog({ maxEvents: 3 });
    await log.append(topic, 1, entries("a", "b"));
    expect(await kept(log)).toEqual(["1=a", "2=b"]);
    await log.append(topic, 1, entries("c", "d", "e"));
    expect(await kept(log)).toEqual(["3=c", "4=d", "5=e"]);
  });

  it("is at most so many bytes of UTF-8, the newest", async () => {
    const log = memoryLog({ maxBytes: 10 });
    await log.append(topic, 1, entries("aaaa", "bbbb"));
    expect(log.size.bytes).toBe(8 + 2 * ENTRY_BYTES);
    await log.append(topic, 1, entries("€")); // three bytes
    expect(await kept(log)).toEqual(["2=bbbb", "3=€"]);
    expect(log.size.bytes).toBe(7 + 2 * ENTRY_BYTES);
  });

  it("is always the newest entry, however large", async () => {
    const log = memoryLog({ maxBytes: 10 });
    await log.append(topic, 1, entries("a", "x".repeat(100)));
    expect(await kept(log)).toEqual([`2=${"x".repeat(100)}`]);
    await log.append(topic, 1, entries("b"));
    expect(await kept(log)).toEqual(["3=b"]);
    expect(log.size.bytes).toBe(1 + ENTRY_BYTES);
  });

  it("stays right while thousands of entries pass through", async () => {
    const log = memoryLog({ maxEvents: 100 });
    let n = 0;
    for (let batch = 1; n < 5_000; batch = (batch % 7) + 1) {
      await log.append(
        topic,
        1,
        Array.from({ length: batch }, () => entry(String(++n))),
      );
      const now = await kept(log);
      expect(now.length).toBe(Math.min(n, 100));
      expect(now.at(-1)).toBe(`${n}=${n}`);
      expect(now[0]).toBe(`${Math.max(1, n - 99)}=${Math.max(1, n - 99)}`);
    }
  });
});

describe("what the memory log keeps of all topics", () => {
  const [a, b, c] = [threadTopic("a"), threadTopic("b"), threadTopic("c")];

  it("takes at most so many bytes of memory: the longest silent topic goes first", async () => {
    const log = memoryLog({ maxTotalBytes: 10 + 3 * ENTRY_BYTES });
    await log.append(a, 1, entries("aaaa"));
    await log.append(b, 1, entries("bbbb"));
    await log.append(a, 1, entries("a"));
    await log.append(c, 1, entries("cccc"));
    expect(log.size).toEqual({ topics: 2, bytes: 9 + 3 * ENTRY_BYTES, followed: 0, unwritten: 0 });
    expect(await log.head(b)).toBeUndefined();
    expect(await kept(log, a)).toEqual(["1=aaaa", "2=a"]);
  });

  it("never lets go of the topic that is being written", async () => {
    const log = memoryLog({ maxTotalBytes: 10 + ENTRY_BYTES });
    await log.append(a, 1, entries("aaaa"));
    await log.append(b, 1, entries("b".repeat(20)));
    expect(log.size).toEqual({ topics: 1, bytes: 20 + ENTRY_BYTES, followed: 0, unwritten: 0 });
    expect(await kept(log, b)).toHaveLength(1);
  });

  it("counts right after topics were dropped", async () => {
    const log = memoryLog();
    await log.append(a, 1, entries("aaaa"));
    await log.append(b, 1, entries("bb"));
    await log.drop(a);
    await log.drop(a);
    expect(log.size).toEqual({ topics: 1, bytes: 2 + ENTRY_BYTES, followed: 0, unwritten: 0 });
    await log.drop(b);
    expect(log.size).toEqual({ topics: 0, bytes: 0, followed: 0, unwritten: 0 });
  });

  it("its followers learn that a topic went", async () => {
    const log = memoryLog({ maxTotalBytes: 10 + ENTRY_BYTES });
    const controller = new AbortController();
    await log.append(a, 1, entries("aaaa"));
    const pages = pagesOf(log, a, null, controller.signal);
    await pages.next();
    const next = pages.next();
    await log.append(b, 1, entries("b".repeat(9)));
    expect(await next).toMatchObject({ value: { gap: "epoch" } });
    controller.abort();
    await pages.return();
  });
});

describe("a sweep", () => {
  const other = threadTopic("other");

  it("drops what was silent for longer than the retention, and only that", async () => {
    let now = 0;
    const log = memoryLog({ retentionMs: 1_000 }, () => now);
    await log.append(topic, 1, entries("a"));
    now = 600;
    await log.append(other, 1, entries("x"));
    now = 999;
    await log.sweep();
    expect(log.size.topics).toBe(2);
    now = 1_000;
    await log.sweep();
    expect(await log.head(topic)).toBeUndefined();
    expect(await log.head(other)).toBeDefined();
    now = 1_600;
    await log.sweep();
    expect(log.size).toEqual({ topics: 0, bytes: 0, followed: 0, unwritten: 0 });
  });

  it("counts from the last append", async () => {
    let now = 0;
    const log = memoryLog({ retentionMs: 1_000 }, () => now);
    await log.append(topic, 1, entries("a"));
    await log.append(other, 1, entries("x"));
    now = 900;
    await log.append(topic, 1, entries("b"));
    now = 1_100;
    await log.sweep();
    expect(await kept(log)).toEqual(["1=a", "2=b"]);
    expect(await log.head(other)).toBeUndefined();
  });

  it("leaves alone what somebody follows", async () => {
    let now = 0;
    const log = memoryLog({ retentionMs: 1_000 }, () => now);
    await log.append(topic, 1, entries("a"));
    const controller = new AbortController();
    const pages = pagesOf(log, topic, null, controller.signal);
    await pages.next();
    const waiting = pages.next();
    now = 5_000;
    await log.sweep();
    expect(log.size.topics).toBe(1);
    controller.abort();
    await waiting;
    await log.sweep();
    expect(log.size.topics).toBe(0);
  });
});

it("keeps a bounded number of topics that nobody writes, and those that are followed", async () => {
  const log = memoryLog();
  await log.append("thread:written", 1, entries("a"));
  const followed = await log.open("thread:followed");
  const unwatch = log.watch("thread:followed", () => {});
  for (let index = 0; index < MAX_UNWRITTEN_TOPICS + 100; index += 1) await log.open(`thread:${index}`);
  expect(log.size.topics).toBe(MAX_UNWRITTEN_TOPICS + 1);
  expect(await log.open("thread:followed")).toEqual(followed);
  expect(await log.head("thread:0")).toBeUndefined();
  expect(await kept(log, "thread:written")).toEqual(["1=a"]);
  unwatch();
});

/** Waits for one turn of the event loop. By then, a follower with nothing to read is waiting. */
const resting = () => new Promise((resolve) => setImmediate(resolve));

describe("a follower at the head", () => {
  it("is offered what is appended, in the same turn, and reads what it does not take", async () => {
    const log = memoryLog();
    const controller = new AbortController();
    await log.append(topic, 1, entries("a"));
    const taken: string[] = [];
    let willing = true;
    const take = (page: Page) => {
      if (willing) taken.push(...shown(page.entries));
      return willing;
    };
    const pages = pagesOf(log, topic, null, controller.signal, take);
    expect(shown((await pages.next()).value?.entries ?? [])).toEqual(["1=a"]);
    // The follower still works on its page, so nothing is offered to it.
    await log.append(topic, 1, entries("b"));
    expect(taken).toEqual([]);
    expect(shown((await pages.next()).value?.entries ?? [])).toEqual(["2=b"]);
    const next = pages.next();
    await resting();
    const appending = log.append(topic, 1, entries("c"));
    expect(taken).toEqual(["3=c"]);
    await appending;
    await log.append(topic, 1, entries("d"));
    expect(taken).toEqual(["3=c", "4=d"]);
    willing = false;
    await log.append(topic, 1, entries("e", "f"));
    expect(shown((await next).value?.entries ?? [])).toEqual(["5=e", "6=f"]);
    const last = pages.next();
    await resting();
    willing = true;
    controller.abort();
    await log.append(topic, 1, entries("g"));
    expect(await last).toEqual({ done: true, value: undefined });
    expect(taken).toEqual(["3=c", "4=d"]);
  });

  it("rejects with what `take` throws, and the append knows nothing of it", async () => {
    const log = memoryLog();
    const controller = new AbortController();
    await log.append(topic, 1, entries("a"));
    const pages = pagesOf(log, topic, null, controller.signal, () => {
      throw new Error("broken");
    });
    await pages.next();
    const next = pages.next();
    const failed = expect(next).rejects.toThrow("broken");
    await resting();
    await log.append(topic, 1, entries("b"));
    await failed;
    expect(log.size.followed).toBe(0);
  });
});

describe("nobody is left waiting in the memory log", () => {
  it("when the signal aborts", async () => {
    const log = memoryLog();
    const controllers = [new AbortController(), new AbortController()];
    const pages = controllers.map(({ signal }) => pagesOf(log, topic, null, signal));
    const waiting = pages.map((each) => each.next());
    expect(log.size.followed).toBe(1);
    controllers[0]?.abort();
    await waiting[0];
    expect(log.size.followed).toBe(1);
    controllers[1]?.abort();
    await waiting[1];
    expect(log.size.followed).toBe(0);
  });

  it("when a follower has read to where it wanted", async () => {
    const log = memoryLog();
    await log.append(topic, 1, entries("a"));
    const controller = new AbortController();
    for await (const _page of pagesOf(log, topic, null, controller.signal)) break;
    controller.abort();
    expect(log.size.followed).toBe(0);
  });
});
