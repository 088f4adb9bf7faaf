import { describe, expect, it } from "vitest";
import type { NewEntry } from "../../src/log/log.ts";
import { MemoryLog } from "../../src/log/memory.ts";
import { SluiceError } from "../../src/protocol/errors.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import { TopicWriter } from "../../src/runs/topic-writer.ts";
import { entry } from "../log/entries.ts";
import { Gate } from "./scripted.ts";

const topic = threadTopic("t");

/** A log whose appends wait for the test, one by one. */
class SlowLog extends MemoryLog {
  readonly batches: string[][] = [];
  /** What the next appends wait for; none when it is empty. */
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

function writer({ merging = false } = {}) {
  const log = new SlowLog();
  const failures: unknown[] = [];
  const appended: string[] = [];
  const subject = new TopicWriter<string>({
    log,
    topic,
    fence: 1,
    toEntry: entry,
    appended: (item) => appended.push(`${item} ${subject.cursor?.offset}`),
    ...(merging ? { merge: (a: string, b: string) => (a[0] === b[0] ? a + b : undefined) } : {}),
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
    subject.add("a");
    expect(log.batches).toEqual([["a"]]);
    await subject.flushed();
    subject.add("b");
    await subject.flushed();
    expect(await written(log)).toEqual(["a", "b"]);
    expect(subject.cursor).toEqual(await log.head(topic));
  });

  it("keeps one append in flight; what comes meanwhile goes together, in order", async () => {
    const { log, subject } = writer();
    const gate = new Gate();
    log.gates.push(gate);
    for (const item of ["a", "b", "c", "d"]) subject.add(item);
    expect(log.batches).toEqual([["a"]]);
    gate.open();
    await subject.flushed();
    expect(log.batches).toEqual([["a"], ["b", "c", "d"]]);
    expect(await written(log)).toEqual(["a", "b", "c", "d"]);
  });

  it("writes what comes in one go in one append: all of it or nothing", async () => {
    const { log, subject } = writer({ merging: true });
    subject.add("a1", "b1", "b2", "c1");
    subject.add();
    await subject.flushed();
    expect(log.batches).toEqual([["a1", "b1b2", "c1"]]);
  });

  it("merges neighbours that wait, and only those", async () => {
    const { log, subject } = writer({ merging: true });
    const gate = new Gate();
    log.gates.push(gate);
    for (const item of ["a1", "a2", "a3", "b1", "b2", "a4"]) subject.add(item);
    gate.open();
    await subject.flushed();
    // The first was on its way already.
    expect(log.batches).toEqual([["a1"], ["a2a3", "b1b2", "a4"]]);
  });

  it("says of each item when it is in the log, together with its position", async () => {
    const { log, subject, appended } = writer();
    const gate = new Gate();
    log.gates.push(gate);
    subject.add("a");
    subject.add("b");
    subject.add("c");
    expect(appended).toEqual([]);
    gate.open();
    await subject.flushed();
    expect(appended).toEqual(["a 1", "b 3", "c 3"]);
  });

  it("is flushed only when everything is in the log, also what came while it was being flushed", async () => {
    const { log, subject } = writer();
    const gates = [new Gate(), new Gate()];
    log.gates.push(...gates);
    subject.add("a");
    let flushed = false;
    const flushing = subject.flushed().then(() => {
      flushed = true;
    });
    subject.add("b");
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
    subject.add("a");
    await subject.flushed();
    log.failure = failure;
    subject.add("b");
    subject.add("c");
    await subject.flushed();
    subject.add("d");
    await subject.flushed();
    log.failure = undefined;
    subject.add("e");
    await subject.flushed();
    expect(failures).toEqual([failure]);
    expect(log.batches).toEqual([["a"], ["b"]]);
    expect(await written(log)).toEqual(["a"]);
    expect(appended).toEqual(["a 1"]);
    expect(subject.cursor?.offset).toBe(1);
  });

  it("loses nothing of what comes at any moment", async () => {
    const { log, subject } = writer();
    const expected: string[] = [];
    for (let n = 0; n < 500; n += 1) {
      subject.add(String(n));
      expected.push(String(n));
      if (n % 7 === 0) await Promise.resolve();
      if (n % 31 === 0) await new Promise((resolve) => setImmediate(resolve));
    }
    await subject.flushed();
    expect(await written(log)).toEqual(expected);
  });
});
