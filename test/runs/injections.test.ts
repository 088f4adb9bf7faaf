/** Messages that clients send into a run while it is active. */
import { AIMessage, type BaseMessage, type BaseMessageLike, HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { createAgent, createMiddleware } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { injectedMessages, takeInjected } from "../../src/authoring/injected.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { MAX_INJECTED_BYTES, MAX_INJECTED_WAITING } from "../../src/protocol/injected.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { Gate, NEVER, type TestRuns, testRuns } from "./scripted.ts";

const QUICK = { orphanGraceSeconds: 60, detachedGraceSeconds: 60 };
const message = (id: string, content = id) => ({ id, role: "user" as const, content });

describe("a message into an active run", () => {
  const open: TestRuns[] = [];
  afterEach(async () => {
    for (const subject of open.splice(0)) await subject.close(0);
  });

  function serve(graph: object, options: Parameters<typeof testRuns>[1] = {}): TestRuns {
    const subject = testRuns({ agent: graph }, { entry: QUICK, ...options });
    open.push(subject);
    return subject;
  }

  const inject = (subject: TestRuns, ...messages: ReturnType<typeof message>[]) =>
    subject.runs.threads.inject("t", messages);

  /**
   * A graph of two steps. The second takes the messages sent during the first. `began` opens when the first step waits
   * for `gate`.
   */
  function twoSteps(checkpointer = new MemorySaver()) {
    const gate = new Gate();
    const began = new Gate();
    const seen: string[] = [];
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("first", async () => {
        began.open();
        await gate.opened;
        return { messages: [new AIMessage({ id: "one", content: "one" })] };
      })
      .addNode("second", async ({ messages }, config) => {
        const sent = await takeInjected(config);
        seen.push(...[...messages, ...sent].map(({ text }) => text));
        return { messages: [...sent, new AIMessage({ id: "two", content: "two" })] };
      })
      .addEdge(START, "first")
      .addEdge("first", "second")
      .compile({ checkpointer });
    return { graph, gate, began, seen };
  }

  it("is taken at the next step, and everybody sees it where the graph has it", async () => {
    const { graph, gate, began, seen } = twoSteps();
    const subject = serve(graph);
    const handle = await subject.start();
    await began.opened;
    expect(await inject(subject, message("m", "Use euros"))).toEqual({
      runId: "r",
      states: [{ messageId: "m", state: "waiting" }],
    });
    gate.open();
    const events = await subject.eventsOf(handle);
    await verifyRun(events);
    expect(seen).toEqual(["hi", "one", "Use euros"]);
    expect(received(events)).toEqual(["waiting m", "one", "user: Use euros", "taken m", "two"]);
    expect(steps(events)).toEqual(["+first", "-first", "+second", "user", "-second"]);
    const kept = await subject.store.thread("t");
    expect(kept?.messages.map(({ role, content }) => `${role}: ${String(content)}`)).toEqual([
      "user: hi",
      "assistant: one",
      "user: Use euros",
      "assistant: two",
    ]);
  });

  it("is no news when it comes again: waiting, taken, or in a later run", async () => {
    const { graph, gate, began } = twoSteps();
    const subject = serve(graph);
    const handle = await subject.start();
    await began.opened;
    await Promise.all([inject(subject, message("m")), inject(subject, message("m"))]);
    gate.open();
    const events = await subject.eventsOf(handle);
    await subject.idle();
    expect(received(events)).toEqual(["waiting m", "one", "user: m", "taken m", "two"]);
    const again = { runId: undefined, states: [{ messageId: "m", state: "taken" }] };
    expect(await inject(subject, message("m"))).toEqual(again);
    await expect(inject(subject, message("m", "other"))).rejects.toMatchObject({ code: "not_found" });
  });

  it("goes back to its sender when the run ends without it", async () => {
    const model = new SteppedModel();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
      .addEdge(START, "chat")
      .compile({ checkpointer: new MemorySaver() });
    const subject = serve(graph);
    const handle = await subject.start();
    model.say("Hello");
    await subject.until(({ type }) => type === EventType.TEXT_MESSAGE_CONTENT);
    await inject(subject, message("m", "And now?"));
    model.end();
    const events = await subject.eventsOf(handle);
    await verifyRun(events);
    await subject.idle();
    expect(received(events)).toEqual(["Hello", "waiting m", "returned m"]);
    expect(events.find(isReport("returned"))).toMatchObject({ value: { content: "And now?" } });
    expect((await subject.store.thread("t"))?.messages.map(({ id }) => id)).not.toContain("m");
    // It may be sent again, as the next turn.
    model.say("Now").end();
    await subject.eventsOf(await subject.start({ runId: "r2", messages: [message("m", "And now?")] }));
    expect(model.prompts.at(-1)).toEqual(["hi", "Hello", "And now?"]);
  });

  it("is refused with a clear error", async () => {
    const { graph, gate, began } = twoSteps();
    const subject = serve(graph);
    await expect(inject(subject, message("m"))).rejects.toMatchObject({
      code: "not_found",
      message: "There is no active run that could take this message. Start a run with it.",
    });
    const handle = await subject.start();
    await began.opened;
    const refused = (sent: object, code: string, field: string) =>
      expect(subject.runs.threads.inject("t", [sent as ReturnType<typeof message>])).rejects.toMatchObject({
        code,
        message: expect.stringContaining(field) as string,
      });
    await refused(message("u1", "other"), "bad_request", "message.id");
    await refused(message("", "x"), "bad_request", "message.id");
    await refused(message("m", ""), "bad_request", "message.content");
    await refused({ ...message("m"), role: "system" }, "bad_request", "message.role");
    const image = { type: "image", source: { type: "url", value: "https://example.com/i.png" } };
    await refused({ ...message("m"), content: [image] }, "bad_request", "text only");
    await refused(message("m", "é".repeat(MAX_INJECTED_BYTES / 2 + 1)), "payload_too_large", "message.content");
    const full = Array.from({ length: MAX_INJECTED_WAITING }, (_, index) => message(`m${index}`));
    await inject(subject, ...full);
    await refused(message("m"), "overloaded", "16 messages wait");
    await refused(message("m0", "other"), "bad_request", "message.id");
    gate.open();
    expect(received(await subject.eventsOf(handle)).filter((line) => line.startsWith("taken"))).toHaveLength(16);
  });

  it("takes no id that a model's answer has", async () => {
    const model = new SteppedModel();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("chat", async ({ messages }, config) => {
        const answer = await model.invoke(messages);
        const sent = await takeInjected(config);
        return { messages: [answer, ...sent] };
      })
      .addEdge(START, "chat")
      .compile({ checkpointer: new MemorySaver() });
    const subject = serve(graph);
    const handle = await subject.start();
    model.say("Hello");
    await subject.until(({ type }) => type === EventType.TEXT_MESSAGE_CONTENT);
    await expect(inject(subject, message("answer-1"))).rejects.toMatchObject({ code: "bad_request" });
    await inject(subject, message("m"));
    model.end();
    const events = await subject.eventsOf(handle);
    await verifyRun(events);
    expect(received(events)).toEqual(["Hello", "waiting m", "user: m", "taken m"]);
  });

  it("is returned when the run is cancelled", async () => {
    const { graph, began } = twoSteps();
    const subject = serve(graph);
    const handle = await subject.start();
    await began.opened;
    await inject(subject, message("m"));
    await subject.runs.cancel("t");
    const events = await subject.eventsOf(handle);
    await verifyRun(events);
    expect(received(events)).toEqual(["waiting m", "returned m"]);
  });

  it("is reported to a client that comes while it waits", async () => {
    const { graph, gate, began } = twoSteps();
    const subject = serve(graph);
    const handle = await subject.start();
    await began.opened;
    await inject(subject, message("m", "Use euros"));
    await subject.until(isReport("waiting"));
    const value = { messageId: "m", state: "waiting", content: "Use euros" };
    expect((await subject.snapshot("t")).open[0]).toMatchObject({ name: "sluice.injected", value });
    gate.open();
    await subject.eventsOf(handle);
    await subject.idle();
    expect((await subject.snapshot("t")).open).toEqual([]);
  });

  it.each(["waits", "was taken, and the node had not come to its end"])(
    "survives the process of the run: it %s",
    async (how) => {
      const disk = { store: new MemoryStore(100, () => {}), checkpointer: new MemorySaver() };
      const taken = new Gate();
      const graphOf = (hangs: boolean, seen: string[]) =>
        new StateGraph(MessagesAnnotation)
          .addNode("first", () => ({ messages: [new AIMessage({ id: "one", content: "one" })] }))
          .addNode("second", async ({ messages }, config) => {
            if (hangs && how === "waits") {
              taken.open();
              await NEVER;
            }
            const sent = await takeInjected(config);
            if (hangs && sent.length === 0) return { messages: [] };
            taken.open();
            if (hangs) await NEVER;
            seen.push(...[...messages, ...sent].map(({ text }) => text));
            return { messages: [...sent, new AIMessage({ id: "two", content: "two" })] };
          })
          .addConditionalEdges("second", ({ messages }) => (messages.at(-1)?.id === "two" ? END : "second"))
          .addEdge(START, "first")
          .addEdge("first", "second")
          .compile({ checkpointer: disk.checkpointer });
      const old = serve(graphOf(true, []), { store: disk.store });
      await old.start();
      await old.until(({ type }) => type === EventType.STEP_STARTED);
      await inject(old, message("m", "Use euros"));
      await taken.opened;
      await old.until((event) => event.type === EventType.STEP_FINISHED && event.stepName === "first");
      // The process runs a little longer, because sent messages are stored one turn after they are in the log.
      await new Promise((resolve) => setTimeout(resolve, 10));

      const seen: string[] = [];
      const next = serve(graphOf(false, seen), { store: disk.store, entry: { ...QUICK, recover: true } });
      expect(await next.recover()).toMatchObject([{ outcome: "recovered" }]);
      const handle = await next.runs.active("t");
      if (!handle) throw new Error("Nothing was recovered.");
      const events = await next.eventsOf(handle);
      await verifyRun(events);
      expect(seen).toEqual(["hi", "one", "Use euros"]);
      expect(received(events)).toEqual(["waiting m", "user: Use euros", "taken m", "two"]);
      await next.idle();
      expect((await next.store.thread("t"))?.messages.map(({ content }) => content)).toEqual([
        "hi",
        "one",
        "Use euros",
        "two",
      ]);
    },
  );

  describe("createAgent with the middleware", () => {
    const lookUp = tool(() => "42", { name: "look_up", description: "Looks up", schema: z.object({}) });

    function agent() {
      const model = new SteppedModel();
      const graph = createAgent({
        model,
        tools: [lookUp],
        checkpointer: new MemorySaver(),
        middleware: [createMiddleware(injectedMessages())],
      });
      return { model, subject: serve(graph.graph) };
    }

    it("takes it after the tools, never between a call and its result", async () => {
      const { model, subject } = agent();
      const handle = await subject.start();
      model.call("look_up", {}, "c1");
      await subject.until(({ type }) => type === EventType.TOOL_CALL_START);
      await inject(subject, message("m", "Use euros"));
      model.end().say("Done").end();
      const events = await subject.eventsOf(handle);
      await verifyRun(events);
      expect(model.prompts.at(-1)).toEqual(["hi", "", "42", "Use euros"]);
      expect(received(events)).toEqual(["waiting m", "user: Use euros", "taken m", "Done"]);
    });

    it("asks the model again when it comes during the last answer", async () => {
      const { model, subject } = agent();
      const handle = await subject.start();
      model.say("Dollars");
      await subject.until(({ type }) => type === EventType.TEXT_MESSAGE_CONTENT);
      await inject(subject, message("m", "Use euros"));
      model.end().say("Euros").end();
      const events = await subject.eventsOf(handle);
      await verifyRun(events);
      expect(model.prompts.at(-1)).toEqual(["hi", "Dollars", "Use euros"]);
      expect(received(events)).toEqual(["Dollars", "waiting m", "user: Use euros", "taken m", "Euros"]);
    });

    it("is an ordinary agent outside Sluice", async () => {
      const model = new SteppedModel({ always: ["Hello"] });
      const graph = createAgent({ model, tools: [], middleware: [createMiddleware(injectedMessages())] });
      const input = { messages: [new HumanMessage("hi")] as BaseMessageLike[] };
      const { messages } = (await graph.invoke(input as never)) as { messages: BaseMessage[] };
      expect(messages.map(({ text }) => text)).toEqual(["hi", "Hello"]);
    });
  });
});

function isReport(state: string) {
  return (event: AguiEvent) =>
    event.type === EventType.CUSTOM &&
    event.name === "sluice.injected" &&
    (event.value as { state: string }).state === state;
}

/** Returns messages and reports in the order in which they were first sent. */
function received(events: readonly AguiEvent[]): string[] {
  const lines: { id: string; text: string }[] = [];
  for (const event of events) {
    if (event.type === EventType.TEXT_MESSAGE_START) {
      lines.push({ id: event.messageId, text: event.role === "user" ? "user: " : "" });
    } else if (event.type === EventType.TEXT_MESSAGE_CONTENT) {
      const line = lines.findLast(({ id }) => id === event.messageId);
      if (line) line.text += event.delta;
    } else if (event.type === EventType.CUSTOM && event.name === "sluice.injected") {
      const { messageId, state } = event.value as { messageId: string; state: string };
      lines.push({ id: "", text: `${state} ${messageId}` });
    }
  }
  return lines.map(({ text }) => text);
}

/** The steps, and the person's message among them. */
function steps(events: readonly AguiEvent[]): string[] {
  return events.flatMap((event) => {
    if (event.type === EventType.STEP_STARTED) return [`+${event.stepName}`];
    if (event.type === EventType.STEP_FINISHED) return [`-${event.stepName}`];
    return event.type === EventType.TEXT_MESSAGE_START && event.role === "user" ? ["user"] : [];
  });
}
