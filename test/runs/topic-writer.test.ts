import { describe, expect, it } from "vitest";
import { type NewEntry, NotShared } from "../../src/log/log.ts";
import { MemoryLog } from "../../src/log/memory.ts";
import { SluiceError } from "../../src/protocol/errors.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import { coalescing } from "../../src/runs/coalescing.ts";
import { TopicWriter } from "../../src/runs/topic-writer.ts";
import { entry } from "../log/entries.ts";
import { Gate } from "./scripted.ts";

const topic = threadTopic("t");

/** A log whose appends wait for the test, one by one. */
class SlowLog extends MemoryLog {
  readonly batches: string[][] = [];
  /** The gates that the next appends wait for; none when it is empty. */
  readonly gates: Gate[] = [];
  failure: Error | undefined;

  constructor() {
    super({ maxEvents: 10_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 });
  }

  override async append(...args: Parameters<MemoryLog["append"]>) {
    const entries: readonly NewEntry[] = args[2];
    this.batches.push(entries.map(({ json }) => json));
    await this.gates.shift()?.opened;
    if (this.failure) throw this.failure;
    return super.append(...args);
  }
}

function writer({ merging = false, coalesceMs = 0 } = {}) {
  const log = new SlowLog();
  const failures: unknown[] = [];
  const appended: string[] = [];
  const subject = new TopicWriter<string>({
    log,
    topic,
    fence: 1,
    toEntry: entry,
    appended: (items) => appended.push(...items.map((item) => `${item} ${subject.cursor?.offset}`)),
    ...(merging ? { merge: (a: string, b: string) => (a[0] === b[0] ? a + b : undefined) } : {}),
    continues: (a: string, b: string) => a[0] === b[0],
    coalesceMs: () => coalesceMs,
    failed: (error) => failures.push(error),
  });
  return { log, subject, failures, appended };
}

async function written(log: MemoryLog): Promise<string[]> {
  return (await log.read(topic, null, 10_000)).entries.map(({ json }) => json);
}

describe("a topic writer", () => {
  it("writes at once what comes alone, and in order", async () => {
    const { log, subject } = writer();
    subject.add(["a"]);
    expect(log.batches).toEqual([["a"]]);
    await subject.flushed();
    subject.add(["b"]);
    await subject.flushed();
    expect(await written(log)).toEqual(["a", "b"]);
    expect(subject.cursor).toEqual(await log.head(topic));
  });

  it("keeps one append in flight; what comes meanwhile goes together, in order", async () => {
    const { log, subject } = writer();
    const gate = new Gate();
    log.gates.push(gate);
    for (const item of ["a", "b", "c", "d"]) subject.add([item]);
    expect(log.batches).toEqual([["a"]]);
    gate.open();
    await subject.flushed();
    expect(log.batches).toEqual([["a"], ["b", "c", "d"]]);
    expect(await written(log)).toEqual(["a", "b", "c", "d"]);
  });

  it("writes what comes in one go in one append: all of it or nothing", async () => {
    const { log, subject } = writer({ merging: true });
    subject.add(["a1", "b1", "b2", "c1"]);
    subject.add([]);
    await subject.flushed();
    expect(log.batches).toEqual([["a1", "b1b2", "c1"]]);
  });

  it("merges neighbours that wait, and only those", async () => {
    const { log, subject } = writer({ merging: true });
    const gate = new Gate();
    log.gates.push(gate);
    for (const item of ["a1", "a2", "a3", "b1", "b2", "a4"]) subject.add([item]);
    gate.open();
    await subject.flushed();
    // The first one was already being written.
    expect(log.batches).toEqual([["a1"], ["a2a3", "b1b2", "a4"]]);
  });

  it("says of each item when it is in the log, together with its position", async () => {
    const { log, subject, appended } = writer();
    const gate = new Gate();
    log.gates.push(gate);
    subject.add(["a"]);
    subject.add(["b"]);
    subject.add(["c"]);
    expect(appended).toEqual([]);
    gate.open();
    await subject.flushed();
    expect(appended).toEqual(["a 1", "b 3", "c 3"]);
  });

  it("is flushed only when everything is in the log, also what came while it was being flushed", async () => {
    const { log, subject } = writer();
    const gates = [new Gate(), new Gate()];
    log.gates.push(...gates);
    subject.add(["a"]);
    let flushed = false;
    const flushing = subject.flushed().then(() => {
      flushed = true;
    });
    subject.add(["b"]);
    gates[0]?.open();
    await new Promise((resolve) => setImmediate(resolve));
    expect(flushed).toBe(false);
    gates[1]?.open();
    await flushing;
    expect(await written(log)).toEqual(["a", "b"]);
  });

  it("is flushed when nothing was ever added", async () => {
    const { subject } = writer();
    await subject.flushed();
    expect(subject.cursor).toBeUndefined();
  });

  it("writes nothing more once the log has failed, and says so once", async () => {
    const { log, subject, failures, appended } = writer();
    const failure = new SluiceError("owner_lost");
    subject.add(["a"]);
    await new Promise(setImmediate);
    log.failure = failure;
    subject.add(["b"]);
    subject.add(["c"]);
    await subject.flushed();
    subject.add(["d"]);
    await subject.flushed();
    log.failure = undefined;
    subject.add(["e"]);
    await subject.flushed();
    expect(failures).toEqual([failure]);
    expect(log.batches).toEqual([["a"], ["b"]]);
    expect(await written(log)).toEqual(["a"]);
    expect(appended).toEqual(["a 1"]);
    expect(subject.cursor?.offset).toBe(1);
  });

  it("goes on after an append that the log of its own process alone took, from that position", async () => {
    const { log, subject, failures, appended } = writer();
    subject.add(["a"]);
    await subject.flushed();
    const failure = new NotShared({ epoch: subject.cursor?.epoch ?? "", offset: 2 }, undefined);
    log.failure = failure;
    subject.add(["b"]);
    await subject.flushed();
    expect(failures).toEqual([failure]);
    expect(appended).toEqual(["a 1", "b 2"]);
  });

  it("loses nothing of what comes at any moment", async () => {
    const { log, subject } = writer();
    const expected: string[] = [];
    for (let n = 0; n < 500; n += 1) {
      subject.add([String(n)]);
      expected.push(String(n));
      if (n % 7 === 0) await Promise.resolve();
      if (n % 31 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await subject.flushed();
    expect(await written(log)).toEqual(expected);
  });
});

describe("a topic writer that coalesces", () => {
  /** Long enough that a test would fail if it waited for it. */
  const HOUR = 3_600_000;

  it("writes the first of a kind at once, and keeps what follows it quickly for its neighbours", async () => {
    const { log, subject } = writer({ merging: true, coalesceMs: HOUR });
    for (const item of ["a1", "a2", "a3", "a4"]) {
      subject.add([item]);
      await new Promise(setImmediate);
    }
    // The second shows that neighbours come quickly.
    expect(log.batches).toEqual([["a1"], ["a2"]]);
    await subject.flushed();
    expect(log.batches).toEqual([["a1"], ["a2"], ["a3a4"]]);
  });

  it("writes what waits before anything else, in order", async () => {
    const { log, subject } = writer({ merging: true, coalesceMs: HOUR });
    for (const item of ["a1", "a2", "a3", "a4", "b1"]) {
      subject.add([item]);
      await new Promise(setImmediate);
    }
    await new Promise(setImmediate);
    expect(await written(log)).toEqual(["a1", "a2", "a3a4", "b1"]);
  });

  it("lets go of what waits when the time is over", async () => {
    const { log, subject } = writer({ merging: true, coalesceMs: 20 });
    subject.add(["a1"]);
    await new Promise(setImmediate);
    for (const item of ["a2", "a3", "a4"]) subject.add([item]);
    await expect.poll(async () => (await written(log)).join("")).toBe("a1a2a3a4");
  });

  it("lets nothing wait whose neighbours come slowly, or while there is no need", async () => {
    for (const coalesceMs of [0, 0.001]) {
      const { log, subject } = writer({ merging: true, coalesceMs });
      for (const item of ["a1", "a2", "a3"]) {
        subject.add([item]);
        await new Promise((resolve) => setTimeout(resolve, 1));
      }
      expect(log.batches).toEqual([["a1"], ["a2"], ["a3"]]);
    }
  });
});

describe("the time that deltas may wait", () => {
  it("is fixed where a number says so", () => {
    expect(coalescing(7)()).toBe(7);
  });

  it("is none while the event loop idles, and 20 ms while it works nearly all of the time", () => {
    let now = 0;
    let active = 0;
    const loop = {
      now: () => now,
      eventLoopUtilization: (standing?: { active: number; idle: number }, seen?: { active: number; idle: number }) => {
        const total = { active: active - (seen?.active ?? 0), idle: now - active - (seen?.idle ?? 0) };
        return {
          ...(standing && seen ? total : { active, idle: now - active }),
          utilization: total.active / (total.active + total.idle || 1),
        };
      },
    };
    const coalesceMs = coalescing("auto", loop as unknown as typeof performance);
    const passes = (milliseconds: number, share: number) => {
      now += milliseconds;
      active += milliseconds * share;
      return coalesceMs();
    };
    expect(passes(100, 0.3)).toBe(0);
    expect(passes(50, 1)).toBe(0);
    expect(passes(50, 1)).toBe(20);
    expect(passes(50, 0)).toBe(20);
    expect(passes(200, 0.5)).toBe(0);
  });
});
