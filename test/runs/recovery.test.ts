/** A process dies during runs, and the next one recovers them. */

import { join } from "node:path";
import { AIMessage } from "@langchain/core/messages";
import { FakeListChatModel } from "@langchain/core/utils/testing";
import {
  type BaseCheckpointSaver,
  interrupt,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { readSettings } from "../../src/config/settings.ts";
import { Counts } from "../../src/counts/counts.ts";
import { Limits } from "../../src/limits/limits.ts";
import { MemoryLog } from "../../src/log/memory.ts";
import { type AguiEvent, EventType, isTerminal, type Message } from "../../src/protocol/events.ts";
import { currentRun } from "../../src/runs/current-run.ts";
import type { StartRequest } from "../../src/runs/handle.ts";
import type { RunManagerOptions } from "../../src/runs/manager.ts";
import { Visitor } from "../../src/runs/visitor.ts";
import { catchUpAgui } from "../../src/server/catch-up.ts";
import { Checkpointer } from "../../src/store/checkpointer.ts";
import { Database } from "../../src/store/database.ts";
import { ALONE } from "../../src/store/instances.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import type { Claim, Store } from "../../src/store/store.ts";
import { altered } from "../support/altered.ts";
import { temporaryFolder } from "../support/folder.ts";
import { verifyRun } from "../support/verify.ts";
import { Gate, inputFor, NEVER, type TestRuns, testRuns, USER } from "./scripted.ts";

/** The parts that survive a process. */
function disk() {
  return { store: new MemoryStore(100, () => {}), checkpointer: new MemorySaver() };
}

type Disk = ReturnType<typeof disk>;

/**
 * A graph of two nodes that send text. In a process that will die, one of them never returns. With a promise, the second
 * waits for it.
 */
function twoNodes(checkpointer: BaseCheckpointSaver | undefined, hangsIn?: "first" | "second" | Promise<void>) {
  const node = (name: "first" | "second") => async () => {
    if (hangsIn === name) await NEVER;
    if (name === "second") await hangsIn;
    return { messages: [new AIMessage({ id: `m-${name}`, content: name })] };
  };
  return new StateGraph(MessagesAnnotation)
    .addNode("first", node("first"))
    .addNode("second", node("second"))
    .addEdge(START, "first")
    .addEdge("first", "second")
    .compile({ checkpointer });
}

function asking(checkpointer: BaseCheckpointSaver, hangs: boolean) {
  const ask = async () => {
    const answer = interrupt("Go on?");
    if (hangs) await NEVER;
    return { messages: [new AIMessage(`You said ${JSON.stringify(answer)}`)] };
  };
  return new StateGraph(MessagesAnnotation).addNode("ask", ask).addEdge(START, "ask").compile({ checkpointer });
}

const QUICK = { orphanGraceSeconds: 60, detachedGraceSeconds: 60 };
const contents = (messages: readonly Message[] | undefined) => messages?.map(({ content }) => content);
const types = (events: readonly AguiEvent[]) => events.map(({ type }) => type);

describe("a run whose process died", () => {
  const open: TestRuns[] = [];
  afterEach(async () => {
    for (const subject of open.splice(0)) await subject.close(0);
  });

  /** Starts a process, which shares only the disk with others. */
  function start(graph: object, { store }: Disk, recover: boolean): TestRuns {
    const subject = testRuns({ agent: graph }, { store, entry: { ...QUICK, recover } });
    open.push(subject);
    return subject;
  }

  /** Starts a run and leaves it hanging. The next process prevents further writes of the dead one. */
  async function die(graph: object, { store }: Disk, reached: (event: AguiEvent) => boolean, input = {}) {
    const subject = testRuns({ agent: graph }, { store, entry: QUICK });
    open.push(subject);
    const handle = await subject.start(input);
    await subject.until(reached, handle.threadId);
    // The process runs a little longer, because sent messages are stored one turn after they are in the log.
    const sent = (await subject.snapshot(handle.threadId)).messages.length;
    const kept = async () => (await store.thread(handle.threadId))?.messages.length ?? 0;
    while ((await kept()) < sent) await new Promise((resolve) => setImmediate(resolve));
    return handle;
  }

  const atStep = (name: string) => (event: AguiEvent) =>
    event.type === EventType.STEP_STARTED && event.stepName === name;

  it("is ended, says so, and what was said stays", async () => {
    const kept = disk();
    const old = await die(twoNodes(kept.checkpointer, "second"), kept, atStep("second"));
    const next = start(twoNodes(kept.checkpointer), kept, false);
    expect(await next.recover()).toMatchObject([{ run: { threadId: "t", runId: "r" }, outcome: "lost" }]);
    expect(await kept.store.run("t", "r")).toMatchObject({ status: "failed" });
    expect(contents((await kept.store.thread("t"))?.messages)).toEqual(["hi", "first"]);
    expect(await kept.store.thread("t")).toMatchObject({
      ending: {
        runId: "r",
        terminal: { type: EventType.RUN_ERROR, code: "owner_lost", metadata: { retryable: true } },
      },
    });
    expect(await next.recover()).toEqual([]);

    // A client that comes back with the same runId, or with an old cursor, learns how it ended.
    const again = await next.start();
    expect(again.from).toEqual(old.from);
    const { gap } = await next.log.read(again.topic, again.from, 10);
    expect(gap).toBe("epoch");
    const counts = new Counts();
    const limits = new Limits(readSettings({}), counts.limits);
    const thread = await new Visitor({ ...next, counts, limits, listsAnonymous: true }).thread(again.threadId);
    const { events = [] } = (await catchUpAgui.missed(thread, again.runId, "epoch", false)) ?? {};
    expect(types(events)).toEqual(["RUN_STARTED", "CUSTOM", "MESSAGES_SNAPSHOT", "RUN_ERROR"]);
    expect(events.at(-1)).toMatchObject({ code: "owner_lost" });
  });

  it("goes on from its last checkpoint when its agent may be recovered", async () => {
    const kept = disk();
    await die(twoNodes(kept.checkpointer, "second"), kept, atStep("second"));
    const next = start(twoNodes(kept.checkpointer), kept, true);
    expect(await next.recover()).toMatchObject([{ outcome: "recovered" }]);
    const handle = await next.runs.active("t");
    if (!handle) throw new Error("Nothing was recovered.");
    expect(handle.runId).toBe("r");
    const events = await next.eventsOf(handle);
    await verifyRun(events);
    expect(types(events).slice(0, 2)).toEqual(["RUN_STARTED", "MESSAGES_SNAPSHOT"]);
    // The first node's message stays; the second node begins again.
    expect(contents((events[1] as { messages: Message[] }).messages)).toEqual(["hi", "first"]);
    expect(events.filter(({ type }) => type === EventType.STEP_STARTED)).toMatchObject([{ stepName: "second" }]);
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED, runId: "r" });
    await next.idle();
    expect(await kept.store.run("t", "r")).toMatchObject({ status: "done" });
    expect(contents((await kept.store.thread("t"))?.messages)).toEqual(["hi", "first", "second"]);
    const state = await twoNodes(kept.checkpointer).getState({ configurable: { thread_id: "t" } });
    expect(contents(state.values.messages)).toEqual(["hi", "first", "second"]);
  });

  it.each([
    ["its first node was at work", true],
    ["its graph keeps no checkpoints", false],
  ])("begins anew when %s", async (_, keeps) => {
    const kept = disk();
    const memory = keeps ? kept.checkpointer : undefined;
    await die(twoNodes(memory, "first"), kept, atStep("first"));
    const next = start(twoNodes(memory), kept, true);
    await next.recover();
    await next.idle();
    expect(contents((await kept.store.thread("t"))?.messages)).toEqual(["hi", "first", "second"]);
  });

  it("that begins anew sends everything anew", async () => {
    const kept = disk();
    await die(twoNodes(undefined, "second"), kept, atStep("second"));
    const next = start(twoNodes(undefined), kept, true);
    await next.recover();
    await next.idle();
    expect(contents((await kept.store.thread("t"))?.messages)).toEqual(["hi", "first", "second"]);
  });

  it("that was a fork goes on in its branch", async () => {
    const kept = disk();
    const before = start(twoNodes(kept.checkpointer), kept, false);
    await before.start({ runId: "r1" });
    await before.idle();
    const edited = [{ ...USER, content: "edited" }];
    await die(twoNodes(kept.checkpointer, "first"), kept, atStep("first"), { runId: "r2", messages: edited });
    const next = start(twoNodes(kept.checkpointer), kept, true);
    await next.recover();
    await next.idle();
    expect(contents((await kept.store.thread("t"))?.messages)).toEqual(["edited", "first", "second"]);
    const state = await twoNodes(kept.checkpointer).getState({ configurable: { thread_id: "t" } });
    expect(contents(state.values.messages)).toEqual(["edited", "first", "second"]);
  });

  describe("while one node had its result and another one was at work", () => {
    const database = Database.open(join(temporaryFolder(), "recovery.db"));
    const checkpointer = new Checkpointer(database, () => currentRun.getStore());
    afterAll(() => database.close());

    /** `quick` ends after `slow` has said something. In a process that will die, `slow` never returns. */
    function sideBySide(words: string, hangs: boolean) {
      const model = new FakeListChatModel({ responses: [words] });
      const said = new Gate();
      const slow = async () => {
        const { content } = await model.invoke("?");
        said.open();
        if (hangs) await NEVER;
        return { messages: [new AIMessage({ id: crypto.randomUUID(), content })] };
      };
      const quick = async () => {
        await said.opened;
        return { messages: [new AIMessage({ id: "m-quick", content: "quick" })] };
      };
      return new StateGraph(MessagesAnnotation)
        .addNode("slow", slow)
        .addNode("quick", quick)
        .addEdge(START, "slow")
        .addEdge(START, "quick")
        .compile({ checkpointer });
    }

    /** The graph has stored the result of `quick`. */
    async function quickIsStored(threadId: string): Promise<void> {
      const results = "SELECT 1 FROM checkpoint_writes WHERE thread_id = ? AND instr(CAST(value AS TEXT), 'm-quick')";
      while (database.all(results, threadId).length === 0) await new Promise((resolve) => setImmediate(resolve));
    }

    /** Starts a run and leaves it where the graph has stored the result of `quick`. */
    async function dieSideBySide(kept: Disk, threadId: string): Promise<void> {
      const isQuick = (event: AguiEvent) => event.type === "TEXT_MESSAGE_START" && event.messageId === "m-quick";
      await die(sideBySide("one", true), kept, isQuick, { threadId });
      await quickIsStored(threadId);
    }

    it("keeps the message of the first, and has that of the second once, also for clients that hold it", async () => {
      const kept = disk();
      await dieSideBySide(kept, "once");
      const before = (await kept.store.thread("once"))?.messages ?? [];
      expect(contents(before)).toEqual(["hi", "one", "quick"]);
      const next = start(sideBySide("two", false), kept, true);
      await next.recover();
      await next.idle();
      expect(contents((await kept.store.thread("once"))?.messages)).toEqual(["hi", "quick", "two"]);
      // This client was away meanwhile.
      await next.start({
        threadId: "once",
        runId: "r2",
        messages: [...before, { ...USER, id: "u2", content: "more" }],
      });
      await next.idle();
      expect(contents((await kept.store.thread("once"))?.messages)).toEqual(["hi", "quick", "two", "more", "two"]);
    });

    const BEFORE = ["hi", "one", "quick"];

    it("keeps all messages if it cannot begin again", async () => {
      const kept = disk();
      await dieSideBySide(kept, "cannot begin");
      const log = new MemoryLog({ maxEvents: 1_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 });
      const eventLog = altered(log, { append: () => Promise.reject(new Error("The log is read-only.")) });
      const graph = sideBySide("two", false);
      const next = testRuns(graph, { store: kept.store, eventLog, entry: { ...QUICK, recover: true } });
      open.push(next);
      expect(await next.recover()).toMatchObject([{ outcome: "lost" }]);
      const thread = await kept.store.thread("cannot begin");
      expect(contents(thread?.messages)).toEqual(BEFORE);
      expect(thread?.ending?.terminal).toMatchObject({ code: "owner_lost" });
    });

    it("keeps all messages if its graph fails before a node begins, and has each once when it goes on", async () => {
      const kept = disk();
      const threadId = "cannot start";
      await dieSideBySide(kept, threadId);
      const graph = sideBySide("two", false);
      let fails = true;
      const failing = altered(graph, {
        stream: (...given) => (fails ? Promise.reject(new Error("It fails.")) : graph.stream(...given)),
        streamEvents: ((...given: Parameters<typeof graph.streamEvents>) => {
          if (fails) throw new Error("It fails.");
          return graph.streamEvents(...given);
        }) as typeof graph.streamEvents,
      });
      const next = start(failing, kept, true);
      await next.recover();
      await next.idle();
      expect(await kept.store.run(threadId, "r")).toMatchObject({ status: "failed" });
      expect(contents((await kept.store.thread(threadId))?.messages)).toEqual(BEFORE);
      expect(contents((await next.snapshot(threadId)).messages)).toEqual(BEFORE);
      fails = false;
      next.runs.follow(threadId);
      await next.runs.start({
        agent: undefined,
        input: inputFor({ threadId, runId: "r2", messages: [] }),
        goesOn: true,
      });
      await next.idle();
      expect(contents((await kept.store.thread(threadId))?.messages)).toEqual(["hi", "quick", "two"]);
    });

    describe.each(["after a question", "after a take-over"])("in a graph inside the graph, %s", (how) => {
      const threadId = `inside, ${how}`;

      /** `slow` and `quick` are in the graph inside. Before them, a node asks, or does nothing. */
      function inside(words: string, hangs: "slow" | "both" | undefined) {
        const model = new FakeListChatModel({ responses: [words] });
        const said = new Gate();
        const asks = (name: string) => {
          if (how === "after a question") interrupt(name);
        };
        const slow = async () => {
          asks("slow");
          if (hangs === "both") await NEVER;
          const { content } = await model.invoke("?");
          said.open();
          if (hangs) await NEVER;
          return { messages: [new AIMessage({ id: crypto.randomUUID(), content })] };
        };
        const quick = async () => {
          asks("quick");
          if (hangs === "both") await NEVER;
          await said.opened;
          return { messages: [new AIMessage({ id: "m-quick", content: "quick" })] };
        };
        const graph = new StateGraph(MessagesAnnotation)
          .addNode("before", () => ({}))
          .addNode("slow", slow)
          .addNode("quick", quick)
          .addEdge(START, "before")
          .addEdge("before", "slow")
          .addEdge("before", "quick")
          .compile();
        return new StateGraph(MessagesAnnotation)
          .addNode("inner", graph)
          .addEdge(START, "inner")
          .compile({ checkpointer });
      }

      it("keeps the message of the first, and has that of the second once", async () => {
        const kept = disk();
        let runId = "r";
        if (how === "after a question") {
          const before = start(inside("", undefined), kept, true);
          await before.start({ threadId });
          await before.idle();
          const asked = (await kept.store.thread(threadId))?.interrupts ?? [];
          expect(asked).toHaveLength(2);
          runId = "r2";
          const resume = asked.map(({ id }) => ({ interruptId: id, status: "resolved" as const, payload: "yes" }));
          const isSlow = (event: AguiEvent) => event.type === "TEXT_MESSAGE_START" && event.messageId === "m-quick";
          await die(inside("one", "slow"), kept, isSlow, { threadId, runId, resume });
        } else {
          await die(inside("", "both"), kept, atStep("inner/slow"), { threadId });
          const second = start(inside("one", "slow"), kept, true);
          await second.recover();
          await second.until((event) => event.type === "TEXT_MESSAGE_START" && event.messageId === "m-quick", threadId);
        }
        await quickIsStored(threadId);
        expect(contents((await kept.store.thread(threadId))?.messages)).toEqual(BEFORE);
        const next = start(inside("two", undefined), kept, true);
        expect(await next.recover()).toMatchObject([{ outcome: "recovered" }]);
        await next.idle();
        expect(await kept.store.run(threadId, runId)).toMatchObject({ status: "done" });
        expect(contents((await kept.store.thread(threadId))?.messages)).toEqual(["hi", "quick", "two"]);
      });
    });

    it("that is lost has the message of the second once, if the thread goes on after it", async () => {
      const kept = disk();
      await dieSideBySide(kept, "lost");
      const next = start(sideBySide("two", false), kept, false);
      expect(await next.recover()).toMatchObject([{ outcome: "lost" }]);
      expect(contents((await kept.store.thread("lost"))?.messages)).toEqual(["hi", "one", "quick"]);
      next.runs.follow("lost");
      const input = inputFor({ threadId: "lost", runId: "r2", messages: [] });
      await next.runs.start({ agent: undefined, input, goesOn: true });
      await next.idle();
      expect(contents((await kept.store.thread("lost"))?.messages)).toEqual(["hi", "quick", "two"]);
    });

    it("keeps what a graph with a thread of its own has said, which goes on from its own checkpoint", async () => {
      const model = new FakeListChatModel({ responses: ["one"] });
      /** `says` has a result in the other thread. In a process that will die, `rests` never returns. */
      const graph = (hangs: boolean) => {
        const said = new Gate();
        const inner = new StateGraph(MessagesAnnotation)
          .addNode("says", async () => ({ messages: await model.invoke("?") }))
          .addNode("rests", async () => {
            said.open();
            if (hangs) await NEVER;
            return {};
          })
          .addEdge(START, "says")
          .addEdge("says", "rests")
          .compile();
        const slow = async () => {
          await inner.invoke({ messages: [] }, { configurable: { thread_id: "its own" } });
          return {};
        };
        const quick = async () => {
          await said.opened;
          return { messages: [new AIMessage({ id: "m-quick", content: "quick" })] };
        };
        return new StateGraph(MessagesAnnotation)
          .addNode("slow", slow)
          .addNode("quick", quick)
          .addEdge(START, "slow")
          .addEdge(START, "quick")
          .compile({ checkpointer });
      };
      const kept = disk();
      const isQuick = (event: AguiEvent) => event.type === "TEXT_MESSAGE_START" && event.messageId === "m-quick";
      await die(graph(true), kept, isQuick, { threadId: "apart" });
      const next = start(graph(false), kept, true);
      await next.recover();
      await next.idle();
      expect(await kept.store.run("apart", "r")).toMatchObject({ status: "done" });
      expect(contents((await kept.store.thread("apart"))?.messages)).toEqual(["hi", "one", "quick"]);
    });

    it.each([
      [6, "done"],
      [5, "failed"],
    ])("has used what it used of its limits (of %s tokens)", async (tokens, status) => {
      const kept = disk();
      const threadId = `limit-${tokens}`;
      await dieSideBySide(kept, threadId);
      const env = { MAX_RUN_TOKENS: String(tokens) };
      const next = testRuns(sideBySide("two", false), { ...kept, entry: { ...QUICK, recover: true }, env });
      open.push(next);
      await next.recover();
      await next.idle();
      expect(await kept.store.run(threadId, "r")).toMatchObject({ status });
    });
  });

  it.each([true, false])(
    "in the middle of an answer to an interrupt loses no answer (recovered: %s)",
    async (recover) => {
      const kept = disk();
      const before = start(asking(kept.checkpointer, false), kept, recover);
      await before.start({ runId: "r1" });
      await before.idle();
      const open = (await kept.store.thread("t"))?.interrupts ?? [];
      expect(open).toHaveLength(1);
      const resume = [{ interruptId: open[0]?.id ?? "", status: "resolved" as const, payload: "yes" }];
      await die(asking(kept.checkpointer, true), kept, atStep("ask"), { runId: "r2", resume });
      expect((await kept.store.thread("t"))?.interrupts).toEqual([]);

      const next = start(asking(kept.checkpointer, false), kept, recover);
      await next.recover();
      await next.idle();
      if (!recover) {
        expect((await kept.store.thread("t"))?.interrupts).toEqual(open);
        await next.start({ runId: "r3", resume });
        await next.idle();
      }
      expect(contents((await kept.store.thread("t"))?.messages)).toEqual(["hi", 'You said "yes"']);
    },
  );

  it("keeps the message of one answered node while another one was at work, also with a checkpointer of the user's own", async () => {
    const kept = disk();
    const graph = (hangs: boolean) => {
      const asks = (name: string, isAtWork: boolean) => async () => {
        const content = interrupt(name);
        if (isAtWork) await NEVER;
        return { messages: [new AIMessage({ id: `m-${name}`, content })] };
      };
      return new StateGraph(MessagesAnnotation)
        .addNode("quick", asks("quick", false))
        .addNode("slow", asks("slow", hangs))
        .addEdge(START, "quick")
        .addEdge(START, "slow")
        .compile({ checkpointer: kept.checkpointer });
    };
    const before = start(graph(false), kept, true);
    await before.start({ runId: "r1" });
    await before.idle();
    const open = (await kept.store.thread("t"))?.interrupts ?? [];
    const resume = open.map(({ id, message }) => ({
      ...{ interruptId: id, status: "resolved" as const },
      payload: `answer to ${message}`,
    }));
    const isQuick = (event: AguiEvent) => event.type === "TEXT_MESSAGE_START" && event.messageId === "m-quick";
    await die(graph(true), kept, isQuick, { runId: "r2", resume });
    const next = start(graph(false), kept, true);
    await next.recover();
    await next.idle();
    const answers = ["hi", "answer to quick", "answer to slow"];
    expect(contents((await kept.store.thread("t"))?.messages)).toEqual(answers);
  });

  it("is not kept waiting by another one that takes long", async () => {
    const kept = disk();
    await die(twoNodes(kept.checkpointer, "second"), kept, atStep("second"), { threadId: "slow" });
    await die(twoNodes(kept.checkpointer, "second"), kept, atStep("second"));
    const gate = new Gate();
    const takeOver = async (claim: Claim) => {
      if (claim.threadId === "slow") await gate.opened;
      return kept.store.takeOver(claim);
    };
    const store = altered<Store>(kept.store, { takeOver });
    const instances = altered(ALONE, { shared: true, orphans: () => store.unfinished() });
    const next = testRuns({ agent: twoNodes(kept.checkpointer) }, { store, instances });
    open.push(next);
    const recovering = next.recover();
    const isLost = async (threadId: string) => (await kept.store.run(threadId, "r"))?.status === "failed";
    while (!(await isLost("t"))) await new Promise((resolve) => setImmediate(resolve));
    expect(await isLost("slow")).toBe(false);
    gate.open();
    expect(await recovering).toHaveLength(2);
  });

  it("is not begun for ever: what brings down its process is ended in the end", async () => {
    const kept = disk();
    await die(twoNodes(kept.checkpointer, "first"), kept, atStep("first"));
    const outcomes: string[] = [];
    for (let restart = 0; restart < 4; restart += 1) {
      const next = testRuns(
        { agent: twoNodes(kept.checkpointer, "first") },
        { store: kept.store, entry: { ...QUICK, recover: true } },
      );
      open.push(next);
      outcomes.push(...(await next.recover()).map(({ outcome }) => outcome));
    }
    expect(outcomes).toEqual(["recovered", "recovered", "lost"]);
  });

  describe("between its stored end and its thread's release", () => {
    const crash = () => Promise.reject(new Error("The process dies here."));

    async function read(log: MemoryLog): Promise<AguiEvent[]> {
      const { entries } = await log.read("thread:t", null, 1_000);
      return entries.map(({ json }) => JSON.parse(json) as AguiEvent);
    }

    it.each([true, false])("has one end in the log and in the row (in the log before: %s)", async (written) => {
      const kept = disk();
      const log = new MemoryLog({ maxEvents: 1_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 });
      const dying = altered(log, {
        append: (topic, fence, entries) =>
          !written && entries.some(({ type }) => type === "RUN_FINISHED") ? crash() : log.append(topic, fence, entries),
      });
      const graph = twoNodes(kept.checkpointer);
      const store = altered(kept.store, { ended: crash });
      const old = testRuns({ agent: graph }, { store, entry: QUICK, eventLog: dying });
      open.push(old);
      await old.start();
      await old.idle();
      const row = await kept.store.run("t", "r");
      expect(row).toMatchObject({ status: "ending", outcome: "done" });
      const next = testRuns({ agent: graph }, { store: kept.store, entry: QUICK, eventLog: log });
      open.push(next);
      expect(await next.recover()).toMatchObject([{ run: { runId: "r" }, outcome: "finished" }]);
      expect(await next.recover()).toEqual([]);
      const events = await read(log);
      await verifyRun(events);
      expect(events.filter(({ type }) => isTerminal(type))).toEqual([row?.closing?.at(-1)]);
      expect(await kept.store.run("t", "r")).toMatchObject({ status: "done" });
      expect((await kept.store.thread("t"))?.ending?.terminal).toEqual(events.at(-1));
      // The thread is free.
      await next.start({ runId: "r2", messages: [{ ...USER, id: "u2" }] });
      await next.idle();
    });

    it.each(["ended", "delete"] as const)("is deleted with its thread, if it was to be (died in: %s)", async (last) => {
      const kept = disk();
      const store = altered(kept.store, last === "ended" ? { ended: crash } : {});
      const old = testRuns({ agent: twoNodes(kept.checkpointer) }, { store, entry: QUICK });
      open.push(old);
      old.runs.follow("t");
      await old.runs.start({ agent: undefined, input: inputFor(), temporary: true });
      await old.idle();
      const isLeft = { status: last === "ended" ? "ending" : "done", temporary: true };
      expect(await kept.store.run("t", "r")).toMatchObject(isLeft);
      const next = start(twoNodes(kept.checkpointer), kept, false);
      await next.recover();
      await expect.poll(() => kept.store.thread("t")).toBeUndefined();
    });

    it("is finished by the next start, where its process lives on", async () => {
      const kept = disk();
      const methods: Partial<Store> = { ended: crash };
      const store = altered(kept.store as Store, methods);
      const subject = testRuns({ agent: twoNodes(kept.checkpointer) }, { store, entry: QUICK });
      open.push(subject);
      await subject.start();
      await subject.idle();
      expect(subject.ended).toMatchObject([{ end: { kind: "done" }, cause: { message: "The process dies here." } }]);
      delete methods.ended;
      const handle = await subject.start({ runId: "r2", messages: [{ ...USER, id: "u2" }] });
      expect(types(await subject.eventsOf(handle)).at(-1)).toBe("RUN_FINISHED");
      expect(await kept.store.run("t", "r")).toMatchObject({ status: "done" });
    });
  });

  it("whose end could not be stored fails when the next one starts on its thread", async () => {
    const kept = disk();
    const methods: Partial<Store> = { ending: () => Promise.reject(new Error("The disk is full.")) };
    const store = altered(kept.store as Store, methods);
    const subject = testRuns({ agent: twoNodes(kept.checkpointer) }, { store, entry: QUICK });
    open.push(subject);
    const handle = await subject.start();
    expect(types(await subject.eventsOf(handle)).at(-1)).toBe("RUN_FINISHED");
    await subject.idle();
    delete methods.ending;
    await subject.start({ runId: "r2", messages: [{ ...USER, id: "u2" }] });
    await subject.idle();
    expect(await kept.store.run("t", "r")).toMatchObject({ status: "failed" });
    expect(await kept.store.run("t", "r2")).toMatchObject({ status: "done" });
  });

  it("and that was lost begins a new epoch where its log outlived it", async () => {
    const kept = disk();
    const old = await die(twoNodes(kept.checkpointer, "second"), kept, atStep("second"));
    const { log } = open[0] as TestRuns;
    const next = testRuns({ agent: twoNodes(kept.checkpointer) }, { store: kept.store, entry: QUICK, eventLog: log });
    open.push(next);
    expect(await next.recover()).toMatchObject([{ outcome: "lost" }]);
    expect((await log.read(old.topic, old.from, 10)).gap).toBe("epoch");
  });

  describe("that a principal started alone", () => {
    /** A run whose process died in its second step; and a process whose second step waits for a gate. */
    async function takenOver(options: Partial<RunManagerOptions>, more: Partial<StartRequest>) {
      const kept = disk();
      const old = testRuns(twoNodes(kept.checkpointer, "second"), { ...kept, entry: QUICK });
      open.push(old);
      await old.runs.start({ agent: undefined, input: inputFor(), requester: { principal: "p" }, ...more });
      await old.until(atStep("second"));
      const gate = new Gate();
      const graph = twoNodes(kept.checkpointer, gate.opened);
      const next = testRuns(graph, { ...kept, entry: { ...QUICK, recover: true }, ...options });
      open.push(next);
      expect(await next.recover()).toMatchObject([{ outcome: "recovered" }]);
      return { next, gate };
    }

    it("counts among the principal's runs as long as it goes on", async () => {
      const limits = new Limits(readSettings({ MAX_CLIENT_RUNS: "1" }), new Counts().limits);
      const { next, gate } = await takenOver({ limits }, {});
      const another = () => {
        const input = inputFor({ threadId: "another", runId: crypto.randomUUID() });
        return next.runs.start({ agent: undefined, input, requester: { principal: "p" } });
      };
      await expect(another()).rejects.toMatchObject({ code: "rate_limited" });
      gate.open();
      await next.idle();
      await another();
    });

    it("is deleted with its thread after it, if it was to be", async () => {
      const { next, gate } = await takenOver({}, { temporary: true });
      expect(await next.store.thread("t")).toBeDefined();
      gate.open();
      await expect.poll(() => next.store.thread("t")).toBeUndefined();
    });
  });

  it("before it began leaves nothing", async () => {
    const kept = disk();
    const claim = { threadId: "t", runId: "r", agent: "agent", bodyHash: "hash", startedAt: 1 };
    await kept.store.admit(claim);
    const next = start(twoNodes(kept.checkpointer), kept, true);
    expect(await next.recover()).toEqual([]);
    expect(await kept.store.run("t", "r")).toBeUndefined();
  });

  it("of an agent that is not served any more is ended", async () => {
    const kept = disk();
    await die(twoNodes(kept.checkpointer, "first"), kept, atStep("first"));
    const next = testRuns({ other: twoNodes(kept.checkpointer) }, { store: kept.store, entry: { recover: true } });
    open.push(next);
    expect(await next.recover()).toMatchObject([{ outcome: "lost" }]);
  });

  it("holds up those who want to start until it is dealt with", async () => {
    const kept = disk();
    await die(twoNodes(kept.checkpointer, "first"), kept, atStep("first"));
    const next = start(twoNodes(kept.checkpointer), kept, true);
    const recovering = next.recover();
    await expect(next.start({ runId: "new", messages: [{ ...USER, id: "u2" }] })).rejects.toMatchObject({
      code: "thread_busy",
    });
    expect(await recovering).toHaveLength(1);
    await next.idle();
  });
});
