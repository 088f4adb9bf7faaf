import { afterEach, describe, expect, it } from "vitest";
import { type AguiEvent, EventType, isTerminal } from "../../src/protocol/events.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { verifyRun } from "../support/verify.ts";
import { custom, line, modelEnd, said, token, toolError, toolStart } from "../translate/events.ts";
import { emitting, Gate, interrupting, NEVER, scripted, type TestRuns, testRuns, USER } from "./scripted.ts";

const answering = emitting(...said("a", ["Hel", "lo"]));

/** A graph that sends text, and then waits for the test or without end. */
function waiting(gate?: Gate) {
  return scripted(async function* () {
    yield token("a", "Hi");
    await (gate?.opened ?? NEVER);
    yield modelEnd("a", "Hi");
  });
}

function asking(...ids: string[]) {
  return scripted(async function* ({ rootId, input }) {
    const resumed = (input as { resume?: unknown }).resume !== undefined;
    if (resumed) yield* said("b", [`answered ${JSON.stringify((input as { resume: unknown }).resume)}`]);
    else for (const id of ids) yield interrupting(rootId, id, `${id}?`);
  });
}

function terminals(events: readonly AguiEvent[]): string[] {
  return events.filter(({ type }) => isTerminal(type)).map(({ type }) => type);
}

describe("the run manager", () => {
  const open: TestRuns[] = [];
  const manage: typeof testRuns = (...args) => {
    const subject = testRuns(...args);
    open.push(subject);
    return subject;
  };

  /** After each test no caller waits and no run is active. */
  afterEach(async () => {
    for (const subject of open.splice(0)) {
      await subject.close(0);
      expect(subject.runs.activeCount).toBe(0);
      expect(subject.log.size.followed).toBe(0);
    }
  });

  it("runs a graph from RUN_STARTED to its terminal event, and remembers what was said", async () => {
    const subject = manage(answering);
    const handle = await subject.start();
    const events = await subject.eventsOf(handle);
    expect(events[0]).toMatchObject({ type: EventType.RUN_STARTED, input: { messages: [USER] } });
    expect(events.map(({ type }) => type)).toContain(EventType.TEXT_MESSAGE_CONTENT);
    await verifyRun(events);
    await subject.idle();
    expect(await subject.store.thread("t")).toMatchObject({
      messages: [USER, { id: "m-a", role: "assistant", content: "Hello" }],
    });
    expect(await subject.store.run("t", "r")).toMatchObject({ status: "done" });
    expect(subject.ended).toMatchObject([{ runId: "r", end: { kind: "done" } }]);
  });

  describe("the same runId again", () => {
    it("attaches to the run while it is active, and when it is over, if the body is the same", async () => {
      const gate = new Gate();
      const subject = manage(waiting(gate));
      const first = await subject.start();
      const second = await subject.start();
      expect(second).toEqual(first);
      gate.open();
      const events = await subject.eventsOf(first);
      await subject.idle();
      const third = await subject.start();
      expect(await subject.eventsOf(third)).toEqual(events);
      expect(subject.ended).toHaveLength(1);
    });

    it("is a conflict with another body, active or not", async () => {
      const gate = new Gate();
      const subject = manage(waiting(gate));
      const handle = await subject.start();
      const other = { messages: [{ ...USER, content: "something else" }] };
      await expect(subject.start(other)).rejects.toMatchObject({ code: "run_conflict" });
      gate.open();
      await subject.eventsOf(handle);
      await subject.idle();
      await expect(subject.start(other)).rejects.toMatchObject({ code: "run_conflict" });
    });

    it("is another run on another thread", async () => {
      const subject = manage(answering);
      await subject.start({ threadId: "t1" });
      await subject.start({ threadId: "t2" });
      await subject.idle();
      expect(subject.ended).toHaveLength(2);
    });
  });

  describe("a thread", () => {
    it("that is busy refuses another run, and names the one that is active", async () => {
      const subject = manage(waiting());
      await subject.start();
      await expect(subject.start({ runId: "r2" })).rejects.toMatchObject({
        code: "thread_busy",
        message: expect.stringContaining('"r"'),
        details: { runId: "r" },
      });
    });

    it("admits exactly one of many starts at the same moment", async () => {
      const subject = manage(waiting());
      const starts = ["r1", "r2", "r3", "r4"].map((runId) => subject.start({ runId }));
      const outcomes = await Promise.allSettled(starts);
      const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
      expect(refused).toHaveLength(3);
      for (const error of refused) expect(error).toMatchObject({ code: "thread_busy" });
      expect(subject.runs.activeCount).toBe(1);
    });

    it("starts one run for the same body sent twice at the same moment", async () => {
      let started = 0;
      const subject = manage(
        scripted(async function* () {
          started += 1;
          yield token("a", "Hi");
          await NEVER;
        }),
      );
      const [a, b] = await Promise.all([subject.start(), subject.start()]);
      expect(a).toEqual(b);
      expect(started).toBe(1);
    });

    it("that is idle again admits the next run at once, also for who has only just read the end", async () => {
      const subject = manage(answering);
      for (let n = 0; n < 20; n += 1) {
        const handle = await subject.start({ runId: `r${n}` });
        expect(terminals(await subject.eventsOf(handle))).toEqual(["RUN_FINISHED"]);
      }
    });

    it("hands the graph only what is news, and all of it to one that keeps nothing", async () => {
      const inputs: string[][] = [];
      const listening = scripted(async function* ({ input }) {
        inputs.push((input as { messages: { text: string }[] }).messages.map(({ text }) => text));
        yield* said("a", ["Hello"]);
      });
      for (const graph of [{ ...listening, checkpointer: {} }, listening]) {
        const subject = manage(graph);
        await subject.eventsOf(await subject.start({ runId: "r1" }));
        await subject.idle();
        const thread = await subject.store.thread("t");
        const messages = [...(thread?.messages ?? []), { id: "u2", role: "user" as const, content: "more" }];
        const events = await subject.eventsOf(await subject.start({ runId: "r2", messages }));
        expect(events[0]).toMatchObject({ input: { messages: [{ id: "u2" }] } });
      }
      expect(inputs).toEqual([["hi"], ["more"], ["hi"], ["hi", "Hello", "more"]]);
    });
  });

  describe("an interrupt", () => {
    it("ends the run, and only its answer starts the next", async () => {
      const subject = manage(asking("i1", "i2"));
      const events = await subject.eventsOf(await subject.start());
      expect(events.at(-1)).toMatchObject({
        type: EventType.RUN_FINISHED,
        outcome: { type: "interrupt", interrupts: [{ id: "i1", message: "i1?" }, { id: "i2" }] },
      });
      await verifyRun(events);
      await subject.idle();

      const more = { id: "u2", role: "user" as const, content: "hello?" };
      const ignoring = subject.start({ runId: "r2", messages: [USER, more] });
      await expect(ignoring).rejects.toMatchObject({
        code: "interrupt_pending",
        message: expect.stringContaining("i1, i2"),
        details: { interrupts: [{ id: "i1" }, { id: "i2" }] },
      });
      const partly = { runId: "r3", resume: [{ interruptId: "i1", status: "resolved" as const, payload: 1 }] };
      await expect(subject.start(partly)).rejects.toMatchObject({
        code: "interrupt_pending",
        message: expect.stringMatching(/: i2\./),
      });

      const resume = [
        { interruptId: "i1", status: "resolved" as const, payload: "yes" },
        { interruptId: "i2", status: "cancelled" as const },
      ];
      const answered = await subject.eventsOf(await subject.start({ runId: "r4", resume }));
      const said = answered.flatMap((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.delta] : []));
      expect(said.join("")).toBe('answered {"i1":"yes","i2":{"__agui_cancelled__":true}}');
      await subject.idle();
      expect(await subject.store.thread("t")).toMatchObject({ interrupts: [] });
    });

    it("that nobody made cannot be answered", async () => {
      const subject = manage(answering);
      const resume = [{ interruptId: "i1", status: "resolved" as const, payload: 1 }];
      await expect(subject.start({ resume })).rejects.toMatchObject({ code: "bad_request" });
      expect(subject.runs.activeCount).toBe(0);
    });
  });

  describe("whatever a graph does, its run has one end", () => {
    const thrown = new Error("no luck with sk-abcdef123456");
    const failing = (...before: GraphEvent[]) =>
      scripted(async function* () {
        yield* before;
        throw thrown;
      });
    const tool = [toolStart("1", "add", {}, { call: "c" }), toolError("1", "add", thrown.message, { call: "c" })];

    it.each<[string, object, string]>([
      ["throws before a message", failing(), "RUN_ERROR"],
      ["throws inside a message", failing(token("a", "Hel")), "RUN_ERROR"],
      ["throws after a message", failing(...said("a", ["Hello"])), "RUN_ERROR"],
      [
        "throws when it is called",
        {
          streamEvents: () => {
            throw thrown;
          },
        },
        "RUN_ERROR",
      ],
      [
        "throws what is no error",
        scripted(async function* () {
          yield token("a", "x");
          throw undefined;
        }),
        "RUN_ERROR",
      ],
      ["has a tool that fails", emitting(...tool), "RUN_FINISHED"],
      ["has a tool that fails, and fails of it", failing(...tool), "RUN_ERROR"],
      ["does nothing", emitting(), "RUN_FINISHED"],
      ["yields what is no event", emitting({ event: "on_nothing", data: null } as never), "RUN_FINISHED|RUN_ERROR"],
      ["yields nothing for an event", emitting(undefined as never), "RUN_ERROR"],
    ])("a graph that %s", async (_, graph, end) => {
      const subject = manage(graph);
      const events = await subject.eventsOf(await subject.start());
      expect(terminals(events)).toHaveLength(1);
      expect(terminals(events)[0]).toMatch(new RegExp(`^(${end})$`));
      expect(JSON.stringify(events)).not.toContain("abcdef");
      await verifyRun(events);
      await subject.idle();
      expect(subject.ended).toHaveLength(1);
    });

    it("of a failed one with its code and message, and the cause for the operator", async () => {
      const subject = manage(failing());
      const events = await subject.eventsOf(await subject.start());
      expect(events.at(-1)).toMatchObject({
        type: EventType.RUN_ERROR,
        code: "graph_error",
        message: "The graph failed: no luck with <key>",
      });
      await subject.idle();
      expect(subject.ended).toMatchObject([{ end: { kind: "failed" }, cause: thrown }]);
      expect(await subject.store.run("t", "r")).toMatchObject({ status: "failed" });
    });

    it.each<[string, Record<string, number>, object, string]>([
      [
        "hangs from the start",
        { firstEventSeconds: 0.01 },
        scripted(async function* () {
          yield await NEVER;
        }),
        "timeout_first_event",
      ],
      ["hangs inside a message", { idleSeconds: 0.01 }, waiting(), "timeout_idle"],
      [
        "never ends",
        { totalSeconds: 0.05 },
        scripted(async function* () {
          for (;;) {
            yield custom("tick", 1);
            await new Promise((r) => setImmediate(r));
          }
        }),
        "timeout_total",
      ],
    ])("a graph that %s", async (_, deadlines, graph, code) => {
      const subject = manage(graph, { entry: { deadlines } });
      const events = await subject.eventsOf(await subject.start());
      expect(events.at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code });
      await verifyRun(events);
    });

    it("of each of ten at once", async () => {
      const gates = Array.from({ length: 10 }, () => new Gate());
      const graphs = Object.fromEntries(
        gates.map((gate, n) => [`a${n}`, n % 3 === 0 ? failing(token("a", "x")) : waiting(gate)]),
      );
      const subject = manage(graphs);
      const handles = await Promise.all(gates.map((_, n) => subject.start({ threadId: `t${n}` }, `a${n}`)));
      for (const gate of gates) gate.open();
      for (const handle of handles) {
        const events = await subject.eventsOf(handle);
        expect(terminals(events)).toHaveLength(1);
        await verifyRun(events);
      }
      await subject.idle();
      expect(subject.ended).toHaveLength(10);
      expect(subject.runs.activeCount).toBe(0);
    });

    it("although a client, the graph and its tools gave the same ids", async () => {
      const events = [
        toolStart("1", "add", {}, { call: "u1" }),
        token("a", { id: "u1", content: "Hi" }),
        modelEnd("a"),
      ];
      const subject = manage(emitting(...events));
      const sent = await subject.eventsOf(await subject.start({ messages: [USER, { ...USER, id: "1" }] }));
      expect(terminals(sent)).toEqual(["RUN_FINISHED"]);
    });
  });

  describe("cancelling", () => {
    it("ends the run at once, with what was open closed", async () => {
      const subject = manage(waiting());
      const handle = await subject.start();
      await subject.until((event) => event.type === EventType.TEXT_MESSAGE_CONTENT);
      expect(await subject.runs.cancel("t")).toBe(true);
      const events = await subject.eventsOf(handle);
      expect(events.slice(-2).map(line)).toEqual(["TEXT_MESSAGE_END m-a", "RUN_FINISHED"]);
      expect(events.at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
      await subject.idle();
      expect(await subject.store.run("t", "r")).toMatchObject({ status: "cancelled" });
    });

    it("aborts the graph's signal", async () => {
      let seen: AbortSignal | undefined;
      const subject = manage(
        scripted(async function* ({ signal }) {
          seen = signal;
          yield token("a", "Hi");
          await NEVER;
        }),
      );
      await subject.start();
      await subject.until((event) => event.type === EventType.TEXT_MESSAGE_CONTENT);
      await subject.runs.cancel("t");
      await subject.idle();
      expect(seen?.aborted).toBe(true);
    });

    it("of nothing does nothing", async () => {
      const subject = manage(answering);
      expect(await subject.runs.cancel("t")).toBe(false);
      await subject.eventsOf(await subject.start());
      await subject.idle();
      expect(await subject.runs.cancel("t")).toBe(false);
    });

    it("a hundred times, while the run is finishing, gives one end", async () => {
      for (let turn = 0; turn < 20; turn += 1) {
        const gate = new Gate();
        const subject = manage(waiting(gate));
        const handle = await subject.start();
        const cancels = (async () => {
          for (let n = 0; n < 100; n += 1) {
            await subject.runs.cancel("t");
            if (n === turn) gate.open();
            if (n % 3 === 0) await Promise.resolve();
            if (n % 10 === turn % 10) await new Promise((resolve) => setImmediate(resolve));
          }
        })();
        if (turn % 2 === 0) gate.open();
        const events = await subject.eventsOf(handle);
        await cancels;
        await subject.idle();
        const { entries } = await subject.log.read(handle.topic, handle.from, 1_000);
        expect(terminals(entries.map(({ json }) => JSON.parse(json) as AguiEvent))).toHaveLength(1);
        expect(entries).toHaveLength(events.length);
        expect(subject.ended).toHaveLength(1);
        await verifyRun(events);
      }
    });
  });

  it("refuses more runs than it may have, and frees the place of each that ends", async () => {
    const gate = new Gate();
    const subject = manage(waiting(gate), { maxActiveRuns: 2 });
    const handles = [await subject.start({ threadId: "t1" }), await subject.start({ threadId: "t2" })];
    await expect(subject.start({ threadId: "t3" })).rejects.toMatchObject({ code: "overloaded" });
    gate.open();
    for (const handle of handles) await subject.eventsOf(handle);
    await subject.idle();
    await subject.start({ threadId: "t3" });
  });

  describe("a run that nobody follows", () => {
    const abandoned = { entry: { orphanGraceSeconds: 0 } };
    const input = { threadId: "t", runId: "r", messages: [USER], tools: [], context: [] };

    it("is cancelled when its grace is over", async () => {
      const subject = manage(waiting(), abandoned);
      const handle = await subject.runs.start({ agent: undefined, input });
      const events = await subject.eventsOf(handle);
      expect(events.at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
    });

    it("is cancelled when the last of its followers has left, not before", async () => {
      const gate = new Gate();
      const subject = manage(waiting(gate), abandoned);
      const leave = [subject.runs.follow("t"), subject.runs.follow("t")];
      const handle = await subject.runs.start({ agent: undefined, input });
      leave[0]?.();
      leave[0]?.(); // A second call does nothing.
      await new Promise((resolve) => setTimeout(resolve, 5));
      expect(subject.runs.activeCount).toBe(1);
      leave[1]?.();
      const events = await subject.eventsOf(handle);
      expect(events.at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
    });

    it("goes on when somebody comes back in time", async () => {
      const gate = new Gate();
      const subject = manage(waiting(gate), { entry: { orphanGraceSeconds: 60 } });
      const handle = await subject.runs.start({ agent: undefined, input });
      subject.runs.follow("t")();
      subject.runs.follow("t");
      gate.open();
      const events = await subject.eventsOf(handle);
      expect(events.at(-1)).not.toHaveProperty("outcome");
    });
  });

  describe("what a run asks for itself", () => {
    const events = [...said("a", ["Hel", "lo"]), custom("progress", 1)];

    it("narrows what leaves", async () => {
      const subject = manage(emitting(...events));
      const forwardedProps = { sluice: { events: ["on_custom_event"] } };
      const sent = await subject.eventsOf(await subject.start({ forwardedProps }));
      expect(sent.slice(1, -1).map(line)).toEqual(["CUSTOM progress 1"]);
    });

    it("never widens it", async () => {
      const subject = manage(emitting(...events), { entry: { filter: { events: ["on_custom_event"] } } });
      const forwardedProps = { sluice: { events: ["*"] } };
      const sent = await subject.eventsOf(await subject.start({ forwardedProps }));
      expect(sent.slice(1, -1).map(line)).toEqual(["CUSTOM progress 1"]);
    });

    it("that is not valid starts nothing", async () => {
      const subject = manage(emitting(...events));
      const forwardedProps = { sluice: { events: ["on_tokens"] } };
      await expect(subject.start({ forwardedProps })).rejects.toMatchObject({ code: "bad_request" });
      expect(await subject.store.run("t", "r")).toBeUndefined();
    });
  });

  it("writes the graph topic for those who want it, closed by one end", async () => {
    const subject = manage(emitting(...said("a", ["Hi"]), custom("progress", 1)));
    subject.runs.follow("t");
    const input = { threadId: "t", runId: "r", messages: [USER], tools: [], context: [] };
    const handle = await subject.runs.start({ agent: undefined, input, graphTopic: true });
    await subject.eventsOf(handle);
    await subject.idle();
    const { entries } = await subject.log.read("thread:t/graph", handle.graphFrom, 100);
    const frames = entries.map(({ json }) => (JSON.parse(json) as { event: string }).event);
    expect(frames).toEqual(["on_chat_model_stream", "on_custom_event", "done"]);
    expect(entries.map(({ type }) => type)).toEqual(["GRAPH", "GRAPH", "GRAPH_END"]);
  });

  it("refuses more runs than it may have, also when they come at the same moment", async () => {
    const subject = manage(waiting(), { maxActiveRuns: 2 });
    const starts = [1, 2, 3, 4, 5].map((n) => subject.start({ threadId: `t${n}` }));
    const outcomes = await Promise.allSettled(starts);
    expect(subject.runs.activeCount).toBe(2);
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    expect(refused).toHaveLength(3);
    for (const error of refused) expect(error).toMatchObject({ code: "overloaded" });
  });

  it("knows no agent that there is none of", async () => {
    const subject = manage({ one: answering, two: answering });
    await expect(subject.start({}, "three")).rejects.toMatchObject({
      code: "not_found",
      message: expect.stringContaining("one, two"),
    });
    expect((await subject.start({}, "two")).agent.name).toBe("two");
  });

  describe("when its log fails", () => {
    it("stops the run, frees the thread, and reports it to the operator", async () => {
      const subject = manage(waiting());
      await subject.start();
      await subject.until((event) => event.type === EventType.TEXT_MESSAGE_CONTENT);
      // Another owner has taken the topic over.
      await subject.log.append("thread:t", Number.MAX_SAFE_INTEGER, []);
      await subject.runs.cancel("t");
      await subject.idle();
      expect(subject.runs.activeCount).toBe(0);
      expect(subject.ended).toHaveLength(1);
    });
  });

  describe("closing", () => {
    it("lets runs finish within the grace, and admits no more", async () => {
      const gate = new Gate();
      const subject = manage(waiting(gate));
      const handle = await subject.start();
      const closed = subject.close(60_000);
      await expect(subject.start({ threadId: "t2" })).rejects.toMatchObject({ code: "draining" });
      gate.open();
      await closed;
      expect(terminals(await subject.eventsOf(handle))).toEqual(["RUN_FINISHED"]);
    });

    it("ends what is left after the grace", async () => {
      const subject = manage(waiting());
      const handle = await subject.start();
      await subject.close(1);
      const events = await subject.eventsOf(handle);
      expect(events.at(-1)).toMatchObject({
        type: EventType.RUN_ERROR,
        code: "draining",
        metadata: { retryable: true },
      });
      expect(subject.runs.activeCount).toBe(0);
    });

    it("leaves out no run that is being started, whenever it comes", async () => {
      for (let moment = 0; moment < 40; moment += 1) {
        const subject = manage(waiting());
        const starting = subject.start().catch((error: unknown) => error);
        for (let n = 0; n < moment; n += 1) await Promise.resolve();
        await subject.close(0);
        await starting;
        expect(`${moment}: ${subject.runs.activeCount}`).toBe(`${moment}: 0`);
      }
    });
  });

  it("a run's snapshot is never ahead of the position it names", async () => {
    const gate = new Gate();
    const subject = manage(waiting());
    const { log, runs } = subject;
    await subject.start();
    await subject.until((event) => event.type === EventType.TEXT_MESSAGE_CONTENT);
    const append = log.append.bind(log);
    log.append = async (...args) => {
      await gate.opened;
      return append(...args);
    };
    await runs.cancel("t");
    await new Promise((resolve) => setImmediate(resolve));
    const before = await subject.snapshot("t");
    expect(before.open.map(line)).toContain("TEXT_MESSAGE_START m-a");
    expect(before.cursor).toEqual(await log.head("thread:t"));
    gate.open();
    await subject.idle();
  });
});
