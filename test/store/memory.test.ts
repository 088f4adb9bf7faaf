import { describe, expect, it } from "@jest/globals";
import { EventType } from "../../src/protocol/events.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import type { RunRecord } from "../../src/store/store.ts";

function run(threadId: string, runId: string, more: Partial<RunRecord> = {}): RunRecord {
  return {
    threadId,
    runId,
    agent: "a",
    bodyHash: "hash",
    status: "active",
    from: { epoch: "e", offset: 0 },
    startedAt: 1,
    historyLength: 0,
    checkpointBefore: "none",
    ...more,
  };
}

const USER = { id: "u", role: "user" as const, content: "hi" };
const TERMINAL = { type: EventType.RUN_FINISHED as const, threadId: "t", runId: "r" };
const DONE = {
  status: "done" as const,
  messages: [USER],
  state: undefined,
  interrupts: [],
  terminal: TERMINAL,
  refused: { on_chain_stream: 3 },
};

function store(maxThreads = 100) {
  const forgotten: string[] = [];
  let now = 1_000;
  const clock = { tick: () => (now += 1) };
  const subject = new MemoryStore(
    maxThreads,
    (threadId) => forgotten.push(threadId),
    () => now,
  );
  return { subject, forgotten, clock };
}

async function threadsOf(subject: MemoryStore, ...ids: string[]): Promise<string[]> {
  const found = await Promise.all(ids.map((id) => subject.thread(id)));
  return found.flatMap((record) => (record ? [record.threadId] : []));
}

describe("the store in memory", () => {
  it("knows nothing at first", async () => {
    const { subject } = store();
    expect(await subject.thread("t")).toBeUndefined();
    expect(await subject.run("t", "r")).toBeUndefined();
    expect(await subject.runs("t")).toEqual([]);
  });

  it("writes a run's row and its thread's", async () => {
    const { subject } = store();
    await subject.startRun(run("t", "r"));
    expect(await subject.run("t", "r")).toEqual(run("t", "r"));
    expect(await subject.run("t", "other")).toBeUndefined();
    expect(await subject.run("other", "r")).toBeUndefined();
    expect(await subject.thread("t")).toEqual({
      threadId: "t",
      agent: "a",
      messages: [],
      interrupts: [],
      createdAt: 1_000,
      updatedAt: 1_000,
    });
  });

  it("ends a run once, with the thread's transcript; whoever comes second has no say", async () => {
    const { subject, clock } = store();
    await subject.startRun(run("t", "r"));
    clock.tick();
    expect(await subject.endRun("t", "r", DONE)).toBe(true);
    expect(await subject.endRun("t", "r", { ...DONE, status: "failed", messages: [] })).toBe(false);
    expect(await subject.run("t", "r")).toMatchObject({ status: "done" });
    expect(await subject.thread("t")).toMatchObject({
      messages: [USER],
      ending: { runId: "r", terminal: TERMINAL },
      refused: { on_chain_stream: 3 },
      createdAt: 1_000,
      updatedAt: 1_001,
    });
  });

  it("ends no run that it does not know", async () => {
    const { subject } = store();
    expect(await subject.endRun("t", "r", DONE)).toBe(false);
    await subject.startRun(run("t", "r"));
    expect(await subject.endRun("t", "other", DONE)).toBe(false);
  });

  it("keeps a thread's interrupts until the next run answers them", async () => {
    const { subject } = store();
    const interrupts = [{ id: "i", reason: "input_required" }];
    await subject.startRun(run("t", "r1"));
    await subject.endRun("t", "r1", { ...DONE, status: "interrupted", interrupts });
    expect(await subject.thread("t")).toMatchObject({ interrupts });
    await subject.startRun(run("t", "r2", { agent: "b" }));
    expect(await subject.thread("t")).toMatchObject({ interrupts: [], messages: [USER], agent: "b" });
  });

  it("keeps the state that was told last when a run told none", async () => {
    const { subject } = store();
    await subject.startRun(run("t", "r1"));
    await subject.endRun("t", "r1", { ...DONE, state: { n: 1 } });
    await subject.startRun(run("t", "r2"));
    await subject.endRun("t", "r2", DONE);
    expect(await subject.thread("t")).toMatchObject({ state: { n: 1 } });
  });

  it("lists a thread's runs in the order they were started", async () => {
    const { subject } = store();
    for (const id of ["z", "a", "m"]) await subject.startRun(run("t", id));
    await subject.endRun("t", "a", DONE);
    expect((await subject.runs("t")).map(({ runId }) => runId)).toEqual(["z", "a", "m"]);
  });
});

describe("the bounds of the store in memory", () => {
  it("let go of the threads that were unused longest, and say so", async () => {
    const { subject, forgotten } = store(2);
    for (const id of ["a", "b"]) {
      await subject.startRun(run(id, "r"));
      await subject.endRun(id, "r", DONE);
    }
    await subject.startRun(run("a", "r2"));
    await subject.endRun("a", "r2", DONE);
    await subject.startRun(run("c", "r"));
    expect(forgotten).toEqual(["b"]);
    expect(await threadsOf(subject, "a", "b", "c")).toEqual(["a", "c"]);
  });

  it("never let go of a thread whose run is active", async () => {
    const { subject, forgotten } = store(1);
    await subject.startRun(run("a", "r"));
    await subject.startRun(run("b", "r"));
    await subject.startRun(run("c", "r"));
    expect(forgotten).toEqual([]);
    expect(await threadsOf(subject, "a", "b", "c")).toEqual(["a", "b", "c"]);
    expect(await subject.endRun("a", "r", DONE)).toBe(true);
    await subject.startRun(run("d", "r"));
    expect(forgotten).toEqual(["a"]);
  });

  it("let go of a thread's oldest runs, but never of one that is active", async () => {
    const { subject } = store();
    await subject.startRun(run("t", "first"));
    for (let n = 0; n < 1_200; n += 1) {
      await subject.startRun(run("t", `r${n}`));
      await subject.endRun("t", `r${n}`, DONE);
    }
    const kept = (await subject.runs("t")).map(({ runId }) => runId);
    expect(kept.length).toBeLessThanOrEqual(1_001);
    expect(kept[0]).toBe("first");
    expect(kept.at(-1)).toBe("r1199");
    expect(kept).not.toContain("r0");
  });
});
