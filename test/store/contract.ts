/** The contract of every engine of the store. Each engine's test runs this suite. */
import { afterEach, describe, expect, it } from "vitest";
import { SluiceError } from "../../src/protocol/errors.ts";
import { EventType } from "../../src/protocol/events.ts";
import { MAX_SHARES } from "../../src/store/shares.ts";
import { type BegunRun, type Claim, MAX_RUNS, type RunEnding, type Store } from "../../src/store/store.ts";

/** The row of a run that is active. */
export function run(threadId: string, runId: string, more: Partial<BegunRun> = {}): BegunRun {
  return {
    threadId,
    runId,
    agent: "a",
    bodyHash: "hash",
    status: "active",
    fence: expect.any(Number) as number,
    from: { epoch: "e", offset: 0 },
    startedAt: 1,
    checkpointBefore: "none",
    ...more,
  };
}

/** Admits a run. */
export async function admit(store: Store, run: BegunRun): Promise<Claim> {
  const { threadId, runId, agent, bodyHash, startedAt } = run;
  const admitted = await store.admit({ threadId, runId, agent, bodyHash, startedAt });
  if ("inTheWay" in admitted) throw new Error(`Run ${admitted.inTheWay.runId} is in the way.`);
  return { threadId, runId, fence: admitted.fence };
}

/** Admits a run, and begins it. */
export async function start(store: Store, run: BegunRun, messages: Parameters<Store["begin"]>[2]): Promise<Claim> {
  const { from, beginsAfter, checkpointBefore, temporary, input } = run;
  const claim = await admit(store, run);
  expect(await store.begin(claim, { from, beginsAfter, checkpointBefore, temporary, input }, messages)).toBe(true);
  return claim;
}

/** Both steps of a run's end. */
export async function end(store: Store, claim: Claim, ending: RunEnding): Promise<boolean> {
  const stored = await store.ending(claim, ending);
  await store.ended(claim);
  return stored;
}

export const USER = { id: "u", role: "user" as const, content: "hi" };
const ANSWER = { id: "a", role: "assistant" as const, content: "hello" };
const TERMINAL = { type: EventType.RUN_FINISHED as const, threadId: "t", runId: "r" };
export const DONE = {
  status: "done" as const,
  messages: [USER, ANSWER],
  state: undefined,
  interrupts: [],
  closing: [TERMINAL],
  refused: { on_chain_stream: 3 },
};

/** `open` gives an empty store with that clock. */
export function storeContract(name: string, open: (now: () => number) => Store | Promise<Store>): void {
  const opened: Store[] = [];
  afterEach(async () => {
    for (const store of opened.splice(0)) await store.close();
  });

  async function store() {
    let now = 1_000;
    const subject = await open(() => now);
    opened.push(subject);
    return { subject, clock: { tick: () => (now += 1) } };
  }

  let runs = 0;
  async function talk(subject: Store, threadId: string, content: string): Promise<void> {
    runs += 1;
    const claim = await start(subject, run(threadId, `r${runs}`), [{ id: "u", role: "user", content }]);
    await end(subject, claim, { ...DONE, messages: [{ id: "u", role: "user", content }] });
  }

  describe(name, () => {
    it("knows nothing at first", async () => {
      const { subject } = await store();
      expect(await subject.thread("t")).toBeUndefined();
      expect(await subject.threadSummary("t")).toBeUndefined();
      expect(await subject.run("t", "r")).toBeUndefined();
      expect(await subject.runs("t")).toEqual([]);
      expect(await subject.unfinished()).toEqual([]);
      expect(await subject.threads(10)).toEqual({ threads: [] });
      expect(await subject.deletions.idle(1e15, 10)).toEqual([]);
      expect(await subject.writable()).toBe(true);
    });

    it("writes a run's row and its thread's, with the messages that came with it", async () => {
      const { subject } = await store();
      await start(subject, run("t", "r"), [USER]);
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

    it("ends a run once, with the thread's transcript: a second end changes nothing", async () => {
      const { subject, clock } = await store();
      const claim = await start(subject, run("t", "r"), [USER]);
      clock.tick();
      expect(await end(subject, claim, DONE)).toBe(true);
      expect(await end(subject, claim, { ...DONE, status: "failed", messages: [] })).toBe(false);
      expect(await subject.run("t", "r")).toEqual(run("t", "r", { status: "done" }));
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

    it("adds what models called calls to what the thread knows, and never lets go of it", async () => {
      const { subject } = await store();
      const first = await start(subject, run("t", "r1"), [USER]);
      await subject.keepMessages(first, [USER], { callIds: { "c-2": "c" } });
      await end(subject, first, DONE);
      expect((await subject.thread("t"))?.callIds).toEqual({ "c-2": "c" });
      const second = await start(subject, run("t", "r2"), [USER]);
      await end(subject, second, { ...DONE, callIds: { "c-3": "c" } });
      expect((await subject.thread("t"))?.callIds).toEqual({ "c-2": "c", "c-3": "c" });
    });

    it("keeps what a run sent so far, until it ends", async () => {
      const { subject } = await store();
      const claim = await start(subject, run("t", "r"), [USER]);
      await subject.keepMessages({ ...claim, runId: "other" }, []);
      await subject.keepMessages(claim, [USER, { ...ANSWER, content: "hel" }]);
      expect((await subject.thread("t"))?.messages).toEqual([USER, { ...ANSWER, content: "hel" }]);
      await subject.ending(claim, DONE);
      await subject.keepMessages(claim, []);
      expect((await subject.thread("t"))?.messages).toEqual(DONE.messages);
    });

    it("keeps with a run's messages what its next process has to know, until it begins again or its end is stored", async () => {
      const { subject } = await store();
      const claim = await start(subject, run("t", "r"), [USER]);
      const soFar = { places: { "m \u0000": "node:1" }, text: "\ud800" };
      await subject.keepMessages({ ...claim, fence: claim.fence - 1 }, [], { soFar });
      expect(await subject.run("t", "r")).toEqual(run("t", "r"));
      await subject.keepMessages(claim, [USER], { soFar });
      expect(await subject.run("t", "r")).toEqual(run("t", "r", { soFar }));
      const next = await subject.takeOver(claim);
      if (!next) throw new Error("Not taken over.");
      expect(await subject.unfinished()).toEqual([run("t", "r", { soFar })]);
      const { from, checkpointBefore } = run("t", "r");
      await subject.begin(next, { from, checkpointBefore }, [USER]);
      expect(await subject.run("t", "r")).toEqual(run("t", "r"));
      await subject.keepMessages(next, [USER], { soFar });
      await subject.ending(next, DONE);
      expect(await subject.run("t", "r")).not.toHaveProperty("soFar");
    });

    it("keeps what was taken back, of all runs, and the drafts of the last one", async () => {
      const { subject } = await store();
      const [one, two] = [{ id: "m1" }, { id: "m2", after: "u", calls: ["c"] }];
      const first = await start(subject, run("t", "r1"), [USER]);
      await subject.keepMessages(first, [USER], { removed: [one] });
      await end(subject, first, { ...DONE, removed: [one], drafts: { a: "write:1" } });
      expect(await subject.thread("t")).toMatchObject({ removed: [one], drafts: { a: "write:1" } });
      const second = await start(subject, run("t", "r2", { beginsAfter: "a" }), DONE.messages);
      expect(await subject.run("t", "r2")).toMatchObject({ beginsAfter: "a" });
      await end(subject, second, { ...DONE, removed: [two] });
      expect((await subject.thread("t"))?.removed).toEqual([one, two]);
      expect((await subject.thread("t"))?.drafts).toBeUndefined();
    });

    it("keeps a thread's interrupts until the next run answers them", async () => {
      const { subject } = await store();
      const interrupts = [{ id: "i", reason: "input_required" }];
      const first = await start(subject, run("t", "r1"), [USER]);
      await end(subject, first, { ...DONE, status: "interrupted", interrupts });
      expect(await subject.thread("t")).toMatchObject({ interrupts });
      expect(await subject.threadSummary("t")).toMatchObject({ waiting: true });
      await start(subject, run("t", "r2", { agent: "b" }), [USER, ANSWER]);
      expect(await subject.thread("t")).toMatchObject({ interrupts: [], messages: [USER, ANSWER], agent: "b" });
      expect(await subject.threadSummary("t")).toMatchObject({ waiting: false });
    });

    it("keeps the state that was sent last when a run sent none", async () => {
      const { subject } = await store();
      await end(subject, await start(subject, run("t", "r1"), []), { ...DONE, state: { n: 1 } });
      await end(subject, await start(subject, run("t", "r2"), []), DONE);
      expect(await subject.thread("t")).toMatchObject({ state: { n: 1 } });
    });

    it("remembers what it takes to begin a run again, until its end is stored", async () => {
      const { subject } = await store();
      const input = { deep: [{ text: "\ud800 \u0000 ü" }] };
      const claim = await start(subject, run("t1", "r", { input }), []);
      await start(subject, run("t2", "r"), []);
      expect(await subject.unfinished()).toEqual([run("t1", "r", { input }), run("t2", "r")]);
      await end(subject, claim, DONE);
      expect(await subject.unfinished()).toEqual([run("t2", "r")]);
      expect(await subject.run("t1", "r")).toEqual(run("t1", "r", { status: "done" }));
    });

    it("counts the run of a temporary thread as unfinished until the thread is deleted", async () => {
      const { subject } = await store();
      const temporary = { temporary: true };
      await end(subject, await start(subject, run("t", "r", temporary), []), DONE);
      const row = run("t", "r", { ...temporary, status: "done" });
      expect(await subject.unfinished()).toEqual([row]);
      const deletion = await admit(subject, run("t", "deletion"));
      expect(await subject.unfinished()).toMatchObject([{ runId: "deletion" }]);
      await subject.withdraw(deletion);
      expect(await subject.unfinished()).toEqual([row]);
      await end(subject, await start(subject, run("other", "r"), []), DONE);
      await subject.deletions.erase("t");
      expect(await subject.unfinished()).toEqual([]);
    });

    describe("lets one run hold a thread", () => {
      it("from its admission on, though the thread is not there yet", async () => {
        const { subject } = await store();
        const claim = await admit(subject, run("t", "r"));
        const { from, checkpointBefore, ...row } = run("t", "r", { status: "admitted" });
        expect(await subject.run("t", "r")).toEqual(row);
        expect(await subject.unfinished()).toEqual([row]);
        expect(await subject.admit(run("t", "r2"))).toEqual({ inTheWay: row });
        expect(await subject.admit(run("t", "r"))).toEqual({ inTheWay: row });
        expect(await subject.thread("t")).toBeUndefined();
        expect(await subject.threads(10)).toEqual({ threads: [] });
        expect(await subject.runs("t")).toEqual([]);
        await subject.withdraw(claim);
        expect(await subject.run("t", "r")).toBeUndefined();
        expect(await subject.unfinished()).toEqual([]);
        await admit(subject, run("t", "r2"));
      });

      it("until its end is in the log", async () => {
        const { subject } = await store();
        const claim = await start(subject, run("t", "r", { input: { kind: "x" } }), [USER]);
        expect(await subject.admit(run("t", "r2"))).toEqual({ inTheWay: run("t", "r", { input: { kind: "x" } }) });
        const closing = [{ type: EventType.TEXT_MESSAGE_END as const, messageId: "a" }, TERMINAL];
        await subject.ending(claim, { ...DONE, closing });
        const row = run("t", "r", { status: "ending", outcome: "done", closing });
        expect(await subject.run("t", "r")).toEqual(row);
        expect(await subject.unfinished()).toEqual([row]);
        expect(await subject.admit(run("t", "r2"))).toEqual({ inTheWay: row });
        // Readers of the thread know its end already.
        expect(await subject.thread("t")).toMatchObject({ ending: { runId: "r", terminal: TERMINAL } });
        await subject.ended(claim);
        expect(await subject.run("t", "r")).toEqual(run("t", "r", { status: "done" }));
        await admit(subject, run("t", "r2"));
        // The same run always blocks itself, and is reported before another active run.
        expect(await subject.admit(run("t", "r"))).toEqual({ inTheWay: run("t", "r", { status: "done" }) });
      });

      it("of many that are admitted at the same moment", async () => {
        const { subject } = await store();
        const all = await Promise.all(["r1", "r2", "r3", "r4"].map((id) => subject.admit(run("t", id))));
        expect(all.filter((admitted) => "fence" in admitted)).toHaveLength(1);
        const fences = await Promise.all(["t1", "t2", "t3"].map((id) => admit(subject, run(id, "r"))));
        expect(new Set(fences.map(({ fence }) => fence)).size).toBe(3);
      });
    });

    describe("lets nothing be written under a claim", () => {
      it("of a run or a fence that it does not know", async () => {
        const { subject } = await store();
        const claim = await start(subject, run("t", "r"), [USER]);
        const { from, checkpointBefore } = run("t", "r");
        for (const wrong of [{ runId: "r9" }, { threadId: "t9" }, { fence: claim.fence + 1 }, { fence: 0 }]) {
          const stale = { ...claim, ...wrong };
          expect(await subject.begin(stale, { from, checkpointBefore }, [])).toBe(false);
          expect(await subject.takeOver(stale)).toBeUndefined();
          await subject.keepMessages(stale, []);
          expect(await end(subject, stale, { ...DONE, messages: [] })).toBe(false);
          await subject.withdraw(stale);
        }
        expect(await subject.unfinished()).toEqual([run("t", "r")]);
        expect((await subject.thread("t"))?.messages).toEqual([USER]);
      });

      it("that has been taken over, whatever the run had come to", async () => {
        const { subject } = await store();
        const old = await start(subject, run("t", "r", { input: {} }), [USER]);
        const next = await subject.takeOver(old);
        if (!next) throw new Error("Not taken over.");
        expect(next.fence).toBeGreaterThan(old.fence);
        expect(await subject.takeOver(old)).toBeUndefined();
        await subject.keepMessages(old, []);
        expect(await end(subject, old, { ...DONE, messages: [] })).toBe(false);
        const from = { epoch: "f", offset: 7 };
        expect(await subject.begin(next, { from, checkpointBefore: "none", input: {} }, [USER])).toBe(true);
        expect(await subject.runs("t")).toEqual([run("t", "r", { from, input: {} })]);
        await subject.ending(next, DONE);
        const last = await subject.takeOver(next);
        if (!last) throw new Error("Not taken over.");
        await subject.ended(next);
        expect(await subject.run("t", "r")).toMatchObject({ status: "ending" });
        await subject.ended(last);
        expect(await subject.run("t", "r")).toMatchObject({ status: "done" });
        expect(await subject.takeOver(last)).toBeUndefined();
      });

      it("for a step that does not come next", async () => {
        const { subject } = await store();
        const claim = await admit(subject, run("t", "r"));
        await subject.keepMessages(claim, [USER]);
        expect(await end(subject, claim, DONE)).toBe(false);
        expect(await subject.thread("t")).toBeUndefined();
        const { from, checkpointBefore } = run("t", "r");
        await subject.begin(claim, { from, checkpointBefore }, [USER]);
        await subject.withdraw(claim);
        await subject.ended(claim);
        expect(await subject.run("t", "r")).toMatchObject({ status: "active" });
        await subject.ending(claim, DONE);
        expect(await subject.begin(claim, { from, checkpointBefore }, [])).toBe(false);
      });
    });

    it("lists a thread's runs in the order they were admitted", async () => {
      const { subject } = await store();
      for (const id of ["z", "a", "m"]) await end(subject, await start(subject, run("t", id), []), DONE);
      expect((await subject.runs("t")).map(({ runId }) => runId)).toEqual(["z", "a", "m"]);
    });

    it("gives out a bounded number of runs, the last ones", async () => {
      const { subject } = await store();
      for (let n = 0; n < MAX_RUNS + 5; n += 1) await end(subject, await start(subject, run("t", `r${n}`), []), DONE);
      const kept = (await subject.runs("t")).map(({ runId }) => runId);
      expect([kept.length, kept[0], kept.at(-1)]).toEqual([MAX_RUNS, "r5", `r${MAX_RUNS + 4}`]);
    });

    it("replaces a transcript by a shorter one, and by one that differs in the middle", async () => {
      const { subject } = await store();
      const third = { id: "u2", role: "user" as const, content: "third" };
      const edited = { ...ANSWER, content: "edited" };
      for (const [index, messages] of [[USER, ANSWER, third], [USER, edited, third], [third]].entries()) {
        const claim = await start(subject, run("t", `r${index}`), messages);
        expect((await subject.thread("t"))?.messages).toEqual(messages);
        await end(subject, claim, { ...DONE, messages });
        expect((await subject.thread("t"))?.messages).toEqual(messages);
      }
    });

    it("keeps whatever text and ids people come up with", async () => {
      const { subject } = await store();
      const id = "'; DROP TABLE threads; -- 😀";
      const message = { id: "m", role: "user" as const, content: "a\u0000b \ud83d 😀 ' \" \\ \u2028" };
      await start(subject, run(id, "?1"), [message]);
      expect((await subject.thread(id))?.messages).toEqual([message]);
      expect(await subject.run(id, "?1")).toMatchObject({ threadId: id });
      expect((await subject.threads(5)).threads).toMatchObject([{ threadId: id, title: "a b \ufffd 😀 ' \" \\" }]);
    });

    it("lists threads with their titles, the last used first, page by page", async () => {
      const { subject, clock } = await store();
      for (const id of ["a", "b", "c", "d", "e"]) {
        await talk(subject, id, `  Thread\n${id} `);
        // Two threads that were used in the same millisecond are ordered too.
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
        archived: false,
        createdAt: 1_001,
        updatedAt: 1_001,
      });
    });

    it("keeps the name that a thread is given, and that it was put away, whatever runs on it later", async () => {
      const { subject, clock } = await store();
      await talk(subject, "a", "first");
      const { updatedAt } = (await subject.threadSummary("a")) ?? {};
      clock.tick();
      expect(await subject.markThread("a", { name: "It's mine" })).toBe(true);
      expect(await subject.threadSummary("a")).toMatchObject({ title: "It's mine", archived: false, updatedAt });
      expect(await subject.markThread("a", { archived: true })).toBe(true);
      await talk(subject, "a", "second");
      expect((await subject.threads(5)).threads).toMatchObject([{ title: "It's mine", archived: true }]);
      expect(await subject.thread("a")).toMatchObject({ name: "It's mine", archived: true });
      expect(await subject.markThread("a", { archived: false })).toBe(true);
      expect(await subject.threadSummary("a")).toMatchObject({ title: "It's mine", archived: false });
      expect(await subject.markThread("nobody's", { name: "x" })).toBe(false);
    });

    it("says so when a page's cursor is none", async () => {
      const { subject } = await store();
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
      const { subject } = await store();
      await start(subject, run("t", "r"), messages);
      expect(await subject.threadSummary("t")).toMatchObject({ title });
    });

    it("keeps the messages that are sent into an active run until it is over", async () => {
      const { subject } = await store();
      const { injected } = subject;
      const message = (id: string) => ({ id, role: "user" as const, content: `${id}\u0000"` });
      const admitted = await admit(subject, run("t", "r"));
      expect(await injected.add(admitted, message("early"))).toBe(false);
      const { from, checkpointBefore } = run("t", "r");
      await subject.begin(admitted, { from, checkpointBefore }, [USER]);
      expect([await injected.add(admitted, message("a")), await injected.add(admitted, message("b"))]).toEqual([
        true,
        true,
      ]);
      expect(await injected.take(admitted)).toEqual([message("a"), message("b")]);
      expect(await injected.take(admitted)).toEqual([]);
      await injected.add(admitted, message("c"));

      const claim = await subject.takeOver(admitted);
      if (!claim) throw new Error("It could not be taken over.");
      // The process before writes nothing more.
      expect(await injected.add(admitted, message("d"))).toBe(false);
      expect(await injected.take(admitted)).toEqual([]);
      await injected.putBack(admitted, ["a"]);
      expect(await injected.of(claim)).toEqual([
        { message: message("a"), taken: true },
        { message: message("b"), taken: true },
        { message: message("c"), taken: false },
      ]);
      await injected.putBack(claim, ["b"]);
      expect(await injected.take(claim)).toEqual([message("b"), message("c")]);

      await end(subject, claim, DONE);
      expect(await injected.of(claim)).toEqual([]);
      expect(await injected.add(claim, message("late"))).toBe(false);
      const other = await start(subject, run("t", "r2"), [USER]);
      await injected.add(other, message("a"));
      await subject.deletions.erase("t");
      expect(await injected.add(other, message("b"))).toBe(false);
    });

    it("forgets a thread that is deleted, and nothing else", async () => {
      const { subject } = await store();
      await talk(subject, "a", "one");
      await talk(subject, "b", "two");
      for (let twice = 0; twice < 2; twice += 1) await subject.deletions.erase("a");
      expect(await subject.thread("a")).toBeUndefined();
      expect(await subject.runs("a")).toEqual([]);
      expect((await subject.threads(10)).threads.map(({ threadId }) => threadId)).toEqual(["b"]);
      await start(subject, run("a", "r9"), []);
      expect(await subject.thread("a")).toMatchObject({ messages: [], interrupts: [] });
      expect(await subject.runs("a")).toEqual([run("a", "r9")]);
    });

    it("holds a thread while it is deleted, for whatever process finishes that", async () => {
      const { subject } = await store();
      await talk(subject, "a", "one");
      const claim = await admit(subject, run("a", "deletion"));
      expect(await subject.deletions.begin({ ...claim, fence: claim.fence - 1 })).toBe(false);
      expect(await subject.deletions.begin(claim)).toBe(true);
      expect(await subject.deletions.begin(claim)).toBe(false);
      const { from, checkpointBefore, ...row } = run("a", "deletion", { status: "deleting" } as object);
      expect(await subject.unfinished()).toEqual([row]);
      expect(await subject.admit(run("a", "next"))).toEqual({ inTheWay: row });
      expect(await subject.begin(claim, { from, checkpointBefore }, [])).toBe(false);

      const taken = await subject.takeOver(claim);
      if (!taken) throw new Error("The deletion was not taken over.");
      await subject.withdraw(claim);
      await subject.deletions.erase("a");
      expect(await subject.thread("a")).toBeUndefined();
      expect(await subject.runs("a")).toEqual([]);
      expect(await subject.admit(run("a", "next"))).toEqual({ inTheWay: { ...row, fence: taken.fence } });
      await subject.withdraw(taken);
      expect(await subject.unfinished()).toEqual([]);
      await start(subject, run("a", "next"), [USER]);
    });

    it("deletes no thread that is not there", async () => {
      const { subject } = await store();
      const claim = await admit(subject, run("none", "deletion"));
      expect(await subject.deletions.begin(claim)).toBe(false);
      await subject.withdraw(claim);
      expect(await subject.unfinished()).toEqual([]);
    });

    it("finds threads that were unused for long, but for those that are held, wait or are shared", async () => {
      const { subject, clock } = await store();
      const { deletions, shares } = subject;
      const question = { ...DONE, status: "interrupted" as const, interrupts: [{ id: "i", reason: "Go on?" }] };
      await talk(subject, "b", "one");
      clock.tick();
      for (const id of ["a", "shared", "lapsed"]) await talk(subject, id, "one");
      await end(subject, await start(subject, run("waits", "r"), [USER]), question);
      await start(subject, run("held", "r"), [USER]);
      await shares.keep({ id: "1", threadKey: "shared", madeAt: 1 }, "first");
      await shares.keep({ id: "2", threadKey: "lapsed", madeAt: 1, expiresAt: 1_002 }, "second");
      clock.tick();
      await talk(subject, "new", "one");
      expect(await deletions.idle(1_002, 10)).toEqual(["b", "a", "lapsed"]);
      expect(await deletions.idle(1_002, 1)).toEqual(["b"]);
      expect(await deletions.idle(1_001, 10)).toEqual(["b"]);
      expect(await deletions.idle(0, 10)).toEqual([]);

      const begun = async (threadId: string) => deletions.begin(await admit(subject, run(threadId, "d")), 1_002);
      for (const threadId of ["shared", "waits", "new"]) expect(await begun(threadId)).toBe(false);
      expect(await begun("a")).toBe(true);
      expect(await deletions.idle(1_002, 10)).toEqual(["b", "lapsed"]);
    });

    it("finds a share by its digest, until it is revoked, expires, or its thread is deleted", async () => {
      const { subject, clock } = await store();
      const { shares } = subject;
      await talk(subject, "a", "one");
      await talk(subject, "b", "two");
      expect(await shares.keep({ id: "1", threadKey: "a", madeAt: 1 }, "first")).toBe(true);
      expect(await shares.keep({ id: "2", threadKey: "a", madeAt: 2, expiresAt: 1_002 }, "second")).toBe(true);
      expect(await shares.keep({ id: "3", threadKey: "b", madeAt: 3 }, "third")).toBe(true);
      expect(await shares.keep({ id: "4", threadKey: "none", madeAt: 4 }, "fourth")).toBe(false);
      expect(await shares.find("first")).toEqual({ id: "1", threadKey: "a", madeAt: 1 });
      expect(await shares.find("second")).toEqual({ id: "2", threadKey: "a", madeAt: 2, expiresAt: 1_002 });
      expect(await shares.find("fourth")).toBeUndefined();
      expect(await shares.list("a")).toEqual([
        { id: "1", madeAt: 1 },
        { id: "2", madeAt: 2, expiresAt: 1_002 },
      ]);
      expect(await shares.holding(["1", "2", "3", "4"])).toEqual(new Set(["1", "2", "3"]));
      clock.tick();
      clock.tick();
      expect(await shares.find("second")).toBeUndefined();
      expect(await shares.list("a")).toEqual([{ id: "1", madeAt: 1 }]);
      expect(await shares.revoke("b", "1")).toBe(false);
      expect(await shares.revoke("a", "1")).toBe(true);
      expect(await shares.revoke("a", "1")).toBe(false);
      expect(await shares.find("first")).toBeUndefined();
      await subject.deletions.erase("b");
      expect(await shares.find("third")).toBeUndefined();
      const many = Array.from({ length: 120 }, (_, index) => `${index}`);
      expect(await shares.holding(many)).toEqual(new Set());
    });

    it("keeps so many shares of a thread", async () => {
      const { subject } = await store();
      await talk(subject, "a", "one");
      const keep = (index: number) => subject.shares.keep({ id: `${index}`, threadKey: "a", madeAt: 1 }, `d${index}`);
      for (let index = 0; index < MAX_SHARES; index += 1) expect(await keep(index)).toBe(true);
      expect(await keep(MAX_SHARES)).toBe(false);
      const all = Array.from({ length: MAX_SHARES }, (_, index) => `${index}`);
      expect((await subject.shares.holding(all)).size).toBe(MAX_SHARES);
    });
  });
}
