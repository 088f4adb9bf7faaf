/** Threads are deleted on a client's request or after a long time without use, also if a step of the deletion fails. */
import { MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { MemoryStore } from "../../src/store/memory.ts";
import { NEVER, testRuns, USER } from "./scripted.ts";

/** Forgets no thread while it is broken. */
class Breakable extends MemorySaver {
  broken = false;

  override async deleteThread(threadId: string): Promise<void> {
    if (this.broken) throw new Error("The checkpoints cannot be reached.");
    await super.deleteThread(threadId);
  }
}

function subject(waits = false) {
  let now = 1_000;
  const store = new MemoryStore(
    100,
    () => {},
    () => now,
  );
  const checkpointer = new Breakable();
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("answer", async () => {
      if (waits) await NEVER;
      return { messages: [{ role: "assistant", content: "Hello." }] };
    })
    .addEdge(START, "answer")
    .compile({ checkpointer });
  const notDeleted: string[] = [];
  const runs = testRuns(graph, { store, notDeleted: (threadId) => notDeleted.push(threadId) });
  return {
    ...runs,
    graph,
    checkpointer,
    notDeleted,
    later: () => {
      now += 1_000;
    },
    talk: async (threadId: string, runId = "r") => {
      await runs.eventsOf(await runs.start({ threadId, runId, messages: [{ ...USER, id: runId }] }));
      await runs.idle();
    },
    remembers: async (threadId: string) => {
      const checkpoint = await checkpointer.getTuple({ configurable: { thread_id: threadId } });
      return { thread: (await store.thread(threadId)) !== undefined, checkpoint: checkpoint !== undefined };
    },
  };
}

const NOTHING = { thread: false, checkpoint: false };

describe("a deletion that fails half way", () => {
  it("holds its thread, and is finished by the next sweep, which deletes nothing else", async () => {
    const { runs, checkpointer, talk, remembers, store, notDeleted } = subject();
    await talk("t");
    await talk("other");
    checkpointer.broken = true;
    await expect(runs.delete("t")).rejects.toThrow("cannot be reached");
    expect(await store.unfinished()).toMatchObject([{ threadId: "t", status: "deleting" }]);
    expect(await runs.deleteUnused(0)).toBe(0);
    expect(notDeleted).toEqual(["t"]);
    checkpointer.broken = false;
    expect(await runs.deleteUnused(0)).toBe(0);
    expect(await remembers("t")).toEqual(NOTHING);
    expect(await remembers("other")).toEqual({ thread: true, checkpoint: true });
    expect(await store.unfinished()).toEqual([]);
    expect(notDeleted).toEqual(["t"]);
  });

  it("is finished by the next start on the thread, which finds it empty", async () => {
    const { runs, checkpointer, talk, store } = subject();
    await talk("t");
    checkpointer.broken = true;
    await expect(runs.delete("t")).rejects.toThrow("cannot be reached");
    await expect(talk("t", "refused")).rejects.toThrow("cannot be reached");
    checkpointer.broken = false;
    await talk("t", "next");
    expect((await store.runs("t")).map(({ runId }) => runId)).toEqual(["next"]);
    expect((await store.thread("t"))?.messages).toHaveLength(2);
  });

  it("is finished by the next process", async () => {
    const before = subject();
    await before.talk("t");
    before.checkpointer.broken = true;
    await expect(before.runs.delete("t")).rejects.toThrow("cannot be reached");
    before.checkpointer.broken = false;
    const { recover, store } = testRuns(before.graph, { store: before.store });
    expect(await recover()).toEqual([]);
    expect(await store.thread("t")).toBeUndefined();
    expect(await store.unfinished()).toEqual([]);
  });
});

describe("a sweep", () => {
  it("deletes whole threads that nobody used since then, however many there are", async () => {
    const { runs, talk, remembers, later, store } = subject();
    const ids = Array.from({ length: 60 }, (_, n) => `old-${n}`);
    for (const id of ids) await talk(id);
    later();
    await talk("new");
    await talk("old-7", "again");
    // A second one that begins meanwhile is the same.
    expect(await Promise.all([runs.deleteUnused(1_500), runs.deleteUnused(1_500)])).toEqual([59, 59]);
    expect((await store.threads(100)).threads.map(({ threadId }) => threadId).sort()).toEqual(["new", "old-7"]);
    for (const id of ["old-0", "old-59"]) expect(await remembers(id)).toEqual(NOTHING);
    expect(await remembers("old-7")).toEqual({ thread: true, checkpoint: true });
  });

  it("cancels nothing", async () => {
    const { runs, start, later, close } = subject(true);
    await start();
    later();
    expect(await runs.deleteUnused(5_000)).toBe(0);
    expect(await runs.active("t")).toBeDefined();
    await close(0);
  });

  it("goes on after a thread that cannot be deleted", async () => {
    const { runs, talk, checkpointer, notDeleted } = subject();
    await talk("a");
    await talk("b");
    checkpointer.broken = true;
    expect(await runs.deleteUnused(5_000)).toBe(0);
    expect(notDeleted).toEqual(["a", "b"]);
  });
});
