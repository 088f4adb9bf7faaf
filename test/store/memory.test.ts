import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../src/store/memory.ts";
import { DONE, run, storeContract } from "./contract.ts";

storeContract("the store in memory", (now) => new MemoryStore(100_000, () => {}, now));

function store(maxThreads: number) {
  const forgotten: string[] = [];
  return { subject: new MemoryStore(maxThreads, (threadId) => forgotten.push(threadId)), forgotten };
}

async function threadsOf(subject: MemoryStore, ...ids: string[]): Promise<string[]> {
  const found = await Promise.all(ids.map((id) => subject.thread(id)));
  return found.flatMap((record) => (record ? [record.threadId] : []));
}

describe("the bounds of the store in memory", () => {
  it("let go of the threads that were unused longest, and say so", async () => {
    const { subject, forgotten } = store(2);
    for (const id of ["a", "b"]) {
      await subject.startRun(run(id, "r"), []);
      await subject.endRun(id, "r", DONE);
    }
    await subject.startRun(run("a", "r2"), []);
    await subject.endRun("a", "r2", DONE);
    await subject.startRun(run("c", "r"), []);
    expect(forgotten).toEqual(["b"]);
    expect(await threadsOf(subject, "a", "b", "c")).toEqual(["a", "c"]);
  });

  it("never let go of a thread whose run is active", async () => {
    const { subject, forgotten } = store(1);
    await subject.startRun(run("a", "r"), []);
    await subject.startRun(run("b", "r"), []);
    await subject.startRun(run("c", "r"), []);
    expect(forgotten).toEqual([]);
    expect(await threadsOf(subject, "a", "b", "c")).toEqual(["a", "b", "c"]);
    expect(await subject.endRun("a", "r", DONE)).toBe(true);
    await subject.startRun(run("d", "r"), []);
    expect(forgotten).toEqual(["a"]);
  });
});
