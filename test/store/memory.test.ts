import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../src/store/memory.ts";
import { DONE, end, run, start, storeContract } from "./contract.ts";

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
      await end(subject, await start(subject, run(id, "r"), []), DONE);
    }
    await end(subject, await start(subject, run("a", "r2"), []), DONE);
    await start(subject, run("c", "r"), []);
    expect(forgotten).toEqual(["b"]);
    expect(await threadsOf(subject, "a", "b", "c")).toEqual(["a", "c"]);
  });

  it("never let go of a thread whose run is active", async () => {
    const { subject, forgotten } = store(1);
    const claim = await start(subject, run("a", "r"), []);
    await start(subject, run("b", "r"), []);
    await start(subject, run("c", "r"), []);
    expect(forgotten).toEqual([]);
    expect(await threadsOf(subject, "a", "b", "c")).toEqual(["a", "b", "c"]);
    expect(await end(subject, claim, DONE)).toBe(true);
    await start(subject, run("d", "r"), []);
    expect(forgotten).toEqual(["a"]);
  });
});
