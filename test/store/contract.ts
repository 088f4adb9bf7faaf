/** What every engine of the store must do. Each engine's test runs this suite. */
import { afterEach, describe, expect, it } from "vitest";
import { SluiceError } from "../../src/protocol/errors.ts";
import { EventType } from "../../src/protocol/events.ts";
import { MAX_RUNS, type RunRecord, type Store } from "../../src/store/store.ts";

export function run(threadId: string, runId: string, more: Partial<RunRecord> = {}): RunRecord {
  return {
    threadId,
    runId,
    agent: "a",
    bodyHash: "hash",
    status: "active",
    from: { epoch: "e", offset: 0 },
    startedAt: 1,
    checkpointBefore: "none",
    ...more,
  };
}

export const USER = { id: "u", role: "user" as const, content: "hi" };
const ANSWER = { id: "a", role: "assistant" as const, content: "hello" };
const TERMINAL = { type: EventType.RUN_FINISHED as const, threadId: "t", runId: "r" };
export const DONE = {
  status: "done" as const,
  messages: [USER, ANSWER],
  state: undefined,
  interrupts: [],
  terminal: TERMINAL,
  refused: { on_chain_stream: 3 },
};

/** `open` gives an empty store with that clock. */
export function storeContract(name: string, open: (now: () => number) => Store): void {
  const opened: Store[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  function store() {
    let now = 1_000;
    const subject = open(() => now);
    opened.push(subject);
    return { subject, clock: { tick: () => (now += 1) } };
  }

  async function talk(subject: Store, threadId: string, content: string): Promise<void> {
    await subject.startRun(run(threadId, "r"), [{ id: "u", role: "user", content }]);
    await subject.endRun(threadId, "r", { ...DONE, messages: [{ id: "u", role: "user", content }] });
  }

  describe(name, () => {
    it("knows nothing at first", async () => {
      const { subject } = store();
      expect(await subject.thread("t")).toBeUndefined();
      expect(await subject.threadSummary("t")).toBeUndefined();
      expect(await subject.run("t", "r")).toBeUndefined();
      expect(await subject.runs("t")).toEqual([]);
      expect(await subject.activeRuns()).toEqual([]);
      expect(await subject.threads(10)).toEqual({ threads: [] });
      expect(await subject.deleteThread("t")).toBe(false);
      expect(await subject.writable()).toBe(true);
    });

    it("writes a run's row and its thread's, with the messages that came with it", async () => {
      const { subject } = store();
      await subject.startRun(run("t", "r"), [USER]);
      expect(await subject.run("t", "r")).toEqual(run("t", "r"));
      expect(await subject.run("t", "other")).toBeUndefined();
      expect(await subject.run("other", "r")).toBeUndefined();
      expect(await subject.thread("t")).toEqual({
        threadId: "t",
        agent: "a",
        messages: [USER],
        interrupts: [],
        createdAt: 1_000,
        updatedAt: 1_000,
      });
    });

    it("ends a run once, with the thread's transcript; whoever comes second has no say", async () => {
      const { subject, clock } = store();
      await subject.startRun(run("t", "r"), [USER]);
      clock.tick();
      expect(await subject.endRun("t", "r", DONE)).toBe(true);
      expect(await subject.endRun("t", "r", { ...DONE, status: "failed", messages: [] })).toBe(false);
      expect(await subject.run("t", "r")).toMatchObject({ status: "done" });
      expect(await subject.thread("t")).toMatchObject({
        messages: [USER, ANSWER],
        ending: { runId: "r", terminal: TERMINAL },
        refused: { on_chain_stream: 3 },
        createdAt: 1_000,
        updatedAt: 1_001,
      });
      expect(await subject.threadStatus("t")).toEqual({
        agent: "a",
        interrupts: [],
        refused: { on_chain_stream: 3 },
        ending: { runId: "r", terminal: TERMINAL },
      });
      expect(await subject.threadStatus("none")).toBeUndefined();
    });

    it("keeps what a run told so far, until it ends", async () => {
      const { subject } = store();
      await subject.startRun(run("t", "r"), [USER]);
      await subject.keepMessages("t", "other", []);
      await subject.keepMessages("t", "r", [USER, { ...ANSWER, content: "hel" }]);
      expect((await subject.thread("t"))?.messages).toEqual([USER, { ...ANSWER, content: "hel" }]);
      await subject.endRun("t", "r", DONE);
      await subject.keepMessages("t", "r", []);
      expect((await subject.thread("t"))?.messages).toEqual(DONE.messages);
    });

    it("keeps what was taken back, of all runs, and the drafts of the last one", async () => {
      const { subject } = store();
      const [one, two] = [{ id: "m1" }, { id: "m2", after: "u", calls: ["c"] }];
      await subject.startRun(run("t", "r1"), [USER]);
      await subject.keepMessages("t", "r1", [USER], [one]);
      await subject.endRun("t", "r1", { ...DONE, removed: [one], drafts: { a: "write:1" } });
      expect(await subject.thread("t")).toMatchObject({ removed: [one], drafts: { a: "write:1" } });
      await subject.startRun(run("t", "r2", { beginsAfter: "a" }), DONE.messages);
      expect(await subject.run("t", "r2")).toMatchObject({ beginsAfter: "a" });
      await subject.endRun("t", "r2", { ...DONE, removed: [two] });
      expect((await subject.thread("t"))?.removed).toEqual([one, two]);
      expect((await subject.thread("t"))?.drafts).toBeUndefined();
    });

    it("ends no run that it does not know", async () => {
      const { subject } = store();
      expect(await subject.endRun("t", "r", DONE)).toBe(false);
      await subject.startRun(run("t", "r"), []);
      expect(await subject.endRun("t", "other", DONE)).toBe(false);
    });

    it("keeps a thread's interrupts until the next run answers them", async () => {
      const { subject } = store();
      const interrupts = [{ id: "i", reason: "input_required" }];
      await subject.startRun(run("t", "r1"), [USER]);
      await subject.endRun("t", "r1", { ...DONE, status: "interrupted", interrupts });
      expect(await subject.thread("t")).toMatchObject({ interrupts });
      expect(await subject.threadSummary("t")).toMatchObject({ waiting: true });
      await subject.startRun(run("t", "r2", { agent: "b" }), [USER, ANSWER]);
      expect(await subject.thread("t")).toMatchObject({ interrupts: [], messages: [USER, ANSWER], agent: "b" });
      expect(await subject.threadSummary("t")).toMatchObject({ waiting: false });
    });

    it("keeps the state that was told last when a run told none", async () => {
      const { subject } = store();
      await subject.startRun(run("t", "r1"), []);
      await subject.endRun("t", "r1", { ...DONE, state: { n: 1 } });
      await subject.startRun(run("t", "r2"), []);
      await subject.endRun("t", "r2", DONE);
      expect(await subject.thread("t")).toMatchObject({ state: { n: 1 } });
    });

    it("remembers what it takes to begin a run again, for as long as it is active", async () => {
      const { subject } = store();
      const input = { deep: [{ text: "\ud800 \u0000 ü" }] };
      await subject.startRun(run("t1", "r", { input }), []);
      await subject.startRun(run("t2", "r"), []);
      expect(await subject.activeRuns()).toEqual([run("t1", "r", { input }), run("t2", "r")]);
      await subject.endRun("t1", "r", DONE);
      expect(await subject.activeRuns()).toEqual([run("t2", "r")]);
      expect(await subject.run("t1", "r")).toEqual(run("t1", "r", { status: "done" }));
    });

    it("lets a run begin again under its id, in its old place", async () => {
      const { subject } = store();
      await subject.startRun(run("t", "r1"), [USER]);
      await subject.startRun(run("t", "r1", { from: { epoch: "f", offset: 7 } }), [USER]);
      expect(await subject.runs("t")).toEqual([run("t", "r1", { from: { epoch: "f", offset: 7 } })]);
    });

    it("knows one active run a thread: another's end could not be written", async () => {
      const { subject } = store();
      await subject.startRun(run("t", "r1", { input: {} }), []);
      await subject.startRun(run("t", "r2"), []);
      expect(await subject.activeRuns()).toEqual([run("t", "r2")]);
      expect(await subject.run("t", "r1")).toEqual(run("t", "r1", { status: "failed" }));
    });

    it("lists a thread's runs in the order they were started", async () => {
      const { subject } = store();
      for (const id of ["z", "a", "m"]) {
        await subject.startRun(run("t", id), []);
        await subject.endRun("t", id, DONE);
      }
      expect((await subject.runs("t")).map(({ runId }) => runId)).toEqual(["z", "a", "m"]);
    });

    it("gives out a bounded number of runs, the last ones", async () => {
      const { subject } = store();
      for (let n = 0; n < MAX_RUNS + 5; n += 1) await subject.startRun(run("t", `r${n}`), []);
      const kept = (await subject.runs("t")).map(({ runId }) => runId);
      expect([kept.length, kept[0], kept.at(-1)]).toEqual([MAX_RUNS, "r5", `r${MAX_RUNS + 4}`]);
    });

    it("replaces a transcript by a shorter one, and by one that differs in the middle", async () => {
      const { subject } = store();
      const third = { id: "u2", role: "user" as const, content: "third" };
      await subject.startRun(run("t", "r1"), [USER, ANSWER, third]);
      const edited = { ...ANSWER, content: "edited" };
      await subject.startRun(run("t", "r2"), [USER, edited, third]);
      expect((await subject.thread("t"))?.messages).toEqual([USER, edited, third]);
      await subject.startRun(run("t", "r3"), [third]);
      expect((await subject.thread("t"))?.messages).toEqual([third]);
    });

    it("keeps whatever text and ids people come up with", async () => {
      const { subject } = store();
      const id = "'; DROP TABLE threads; -- 😀";
      const message = { id: "m", role: "user" as const, content: "a\u0000b \ud83d 😀 ' \" \\ \u2028" };
      await subject.startRun(run(id, "?1"), [message]);
      expect((await subject.thread(id))?.messages).toEqual([message]);
      expect(await subject.run(id, "?1")).toMatchObject({ threadId: id });
      expect((await subject.threads(5)).threads).toMatchObject([{ threadId: id, title: "a b \ufffd 😀 ' \" \\" }]);
    });

    it("lists threads with their titles, the last used first, page by page", async () => {
      const { subject, clock } = store();
      for (const id of ["a", "b", "c", "d", "e"]) {
        await talk(subject, id, `  Thread\n${id} `);
        // Two that were used in the same millisecond have an order too.
        if (id !== "b") clock.tick();
      }
      await talk(subject, "a", "Again");
      const seen: string[][] = [];
      let next: string | undefined;
      do {
        const page = await subject.threads(2, next);
        seen.push(page.threads.map(({ threadId, title }) => `${threadId}: ${title}`));
        next = page.next;
      } while (next);
      expect(seen).toEqual([["a: Again", "e: Thread e"], ["d: Thread d", "c: Thread c"], ["b: Thread b"]]);
      expect(await subject.threadSummary("b")).toEqual({
        threadId: "b",
        title: "Thread b",
        agent: "a",
        waiting: false,
        createdAt: 1_001,
        updatedAt: 1_001,
      });
    });

    it("says so when a page's cursor is none", async () => {
      const { subject } = store();
      for (const wrong of ["x", "", "W10", Buffer.from("{}").toString("base64url")]) {
        await expect(subject.threads(2, wrong)).rejects.toThrow(SluiceError);
      }
    });

    it.each([
      ["no message", [], ""],
      ["no user's message", [ANSWER], ""],
      ["parts", [{ id: "u", role: "user" as const, content: [{ type: "text" as const, text: " part " }] }], "part"],
      ["a long message", [{ ...USER, content: "😀".repeat(200) }], `${"😀".repeat(79)}…`],
    ])("titles a thread of %s", async (_, messages, title) => {
      const { subject } = store();
      await subject.startRun(run("t", "r"), messages);
      expect(await subject.threadSummary("t")).toMatchObject({ title });
    });

    it("forgets a thread that is deleted, and nothing else", async () => {
      const { subject } = store();
      await talk(subject, "a", "one");
      await talk(subject, "b", "two");
      expect(await subject.deleteThread("a")).toBe(true);
      expect(await subject.deleteThread("a")).toBe(false);
      expect(await subject.thread("a")).toBeUndefined();
      expect(await subject.runs("a")).toEqual([]);
      expect((await subject.threads(10)).threads.map(({ threadId }) => threadId)).toEqual(["b"]);
      await subject.startRun(run("a", "r9"), []);
      expect(await subject.thread("a")).toMatchObject({ messages: [], interrupts: [] });
      expect(await subject.runs("a")).toEqual([run("a", "r9")]);
    });
  });
}
