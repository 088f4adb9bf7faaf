/** A run is the same however a client asks for it: one suite for every transport. */
import { randomUUID } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { RunAgentInput } from "../../../src/protocol/events.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { eventsOf } from "../../support/sse-frames.ts";
import { SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect, isType, type WsClient } from "../../support/ws-client.ts";
import { type Outcome, Refused, type Started, TRANSPORTS } from "./transports.ts";
import { askingGraph, weatherGraph } from "./weather.ts";

const POLICIES = ["reject", "enqueue", "interrupt"] as const;

let threadId: string;
let model: SteppedModel;
let sluice: TestSluice;
/** Another client on the thread, which shows the test what has happened. */
let watcher: WsClient;

beforeEach(async () => {
  threadId = randomUUID();
  model = new SteppedModel();
  const graph = weatherGraph(model);
  const policies = Object.fromEntries(POLICIES.map((whenBusy) => [whenBusy, { graph, entry: { whenBusy } }]));
  sluice = await startSluice({ weather: { graph }, asking: { graph: askingGraph() }, ...policies });
  watcher = await connect(`${sluice.ws}/ws?thread=${threadId}&protocol=1.0`);
});
afterEach(async () => {
  await watcher.close();
  await sluice.close();
});

describe.each(TRANSPORTS)("over %s", (_, transport) => {
  const input = (more: Partial<RunAgentInput> = {}) => userInput("hi", { threadId, ...more });
  const start = (agent: string, body: RunAgentInput): Promise<Started> => transport.start(sluice, agent, body);
  const run = async (agent: string, body: RunAgentInput): Promise<Outcome> => (await start(agent, body)).done;
  const refused = async (started: Promise<Started>): Promise<string> => {
    const error: unknown = await (await started).done.then(
      () => "It was not refused.",
      (reason: unknown) => reason,
    );
    if (error instanceof Refused) return error.code;
    throw error;
  };
  const expectLegal = async ({ events }: Outcome) => {
    if (events) await verifyRun(events);
  };

  /** The events of the watcher, run by run. */
  const watched = async (ends: number) => {
    const runs = [];
    for (let from = 0; runs.length < ends; ) {
      await watcher.until((frame) => isType("RUN_FINISHED", "RUN_ERROR")(frame) && countEnds() > runs.length);
      const events = eventsOf(watcher.frames).slice(from);
      const end = events.findIndex(({ type }) => type === "RUN_FINISHED" || type === "RUN_ERROR") + 1;
      runs.push(events.slice(0, end));
      from += end;
    }
    return runs;
  };
  const countEnds = () => watcher.frames.filter(isType("RUN_FINISHED", "RUN_ERROR")).length;
  const starts = (runId: string) => watcher.until((frame) => isType("RUN_STARTED")(frame) && frame.includes(runId));

  it("a run thinks, uses a tool and answers; whoever watches sees the same events", async () => {
    model.think("hm").call("weather", { city: "Bern" }, `call-${threadId}`).end().say("Rain", ", sorry.").end();
    const outcome = await run("weather", input());
    await expectLegal(outcome);
    expect(outcome).toMatchObject({
      end: "success",
      messages: [
        { role: "reasoning", content: "hm" },
        { role: "assistant", toolCalls: [{ function: { name: "weather", arguments: '{"city":"Bern"}' } }] },
        { role: "tool", content: "Rain in Bern.", toolCallId: `call-${threadId}` },
        { role: "assistant", content: "Rain, sorry." },
      ],
    });
    const [seen = []] = await watched(1);
    await verifyRun(seen);
    if (outcome.events) expect(outcome.events).toEqual(seen);
  });

  it("a run that fails says so, with a code, and keeps what was said", async () => {
    const started = await start("weather", input());
    model.say("Well");
    await watcher.until(isType("TEXT_MESSAGE_CONTENT"));
    model.fail(new Error("out of tokens"));
    const outcome = await started.done;
    await expectLegal(outcome);
    expect(outcome.end).toBe("model_error");
    if (outcome.messages) expect(outcome.messages).toMatchObject([{ role: "assistant", content: "Well" }]);
    const [seen = []] = await watched(1);
    await verifyRun(seen);
    model.say("Better.").end();
    expect(await run("weather", userInput("again", { threadId }))).toMatchObject({ end: "success" });
  });

  it("a run is cancelled: what was said stays, and the thread is free", async () => {
    const started = await start("weather", input());
    model.say("Once upon");
    await watcher.until(isType("TEXT_MESSAGE_CONTENT"));
    await transport.cancel(sluice, "weather", threadId);
    const outcome = await started.done;
    await expectLegal(outcome);
    expect(outcome).toMatchObject({ end: "cancelled", messages: [{ role: "assistant", content: "Once upon" }] });
    model.say("Good.").end();
    const next = await run("weather", userInput("again", { threadId }));
    expect(next).toMatchObject({ end: "success", messages: [{ content: "Good." }] });
  });

  it("a run that asks is answered by the next", async () => {
    const asked = await run("asking", input());
    await expectLegal(asked);
    expect(asked).toMatchObject({ end: "interrupt", interrupts: [{ message: "Shall I?" }] });
    expect(await refused(start("asking", userInput("never mind", { threadId })))).toBe("interrupt_pending");
    const resume = asked.interrupts.map(({ id }) => ({
      interruptId: id,
      status: "resolved" as const,
      payload: "please",
    }));
    const answered = await run("asking", input({ messages: [], resume }));
    await expectLegal(answered);
    expect(answered).toMatchObject({ end: "success", messages: [{ content: "You said please" }] });
  });

  it("a second turn goes on where the first ended, with or without the client's whole history", async () => {
    const first = input();
    model.say("One.").end();
    const one = await run("weather", first);
    const second = userInput("more", { threadId });
    model.say("Two.").end();
    const two = await run("weather", second);
    const held = [...first.messages, ...(one.messages ?? []), ...second.messages, ...(two.messages ?? [])];
    model.say("Three.").end();
    const third = input({ messages: [...held, { id: randomUUID(), role: "user", content: "and more" }] });
    expect(await run("weather", third)).toMatchObject({ end: "success", messages: [{ content: "Three." }] });
    expect(model.prompts).toEqual([["hi"], ["hi", "One.", "more"], ["hi", "One.", "more", "Two.", "and more"]]);
  });

  it("the same runId with the same body attaches, during the run and after it", async () => {
    const body = input();
    const one = await start("weather", body);
    await starts(body.runId);
    model.say("Hel");
    await watcher.until(isType("TEXT_MESSAGE_CONTENT"));
    const two = await start("weather", body);
    model.say("lo").end();
    const outcome = await one.done;
    expect(outcome).toMatchObject({ end: "success", messages: [{ content: "Hello" }] });
    expect(await two.done).toEqual(outcome);
    expect(await run("weather", body)).toEqual(outcome);
    expect(model.prompts).toHaveLength(1);
    expect(countEnds()).toBe(1);
  });

  it("the same runId with another body is a conflict, during the run and after it", async () => {
    const body = input();
    const other = { ...userInput("something else", { threadId }), runId: body.runId };
    const one = await start("weather", body);
    await starts(body.runId);
    expect(await refused(start("weather", other))).toBe("run_conflict");
    model.say("Hello").end();
    expect(await one.done).toMatchObject({ end: "success" });
    expect(await refused(start("weather", other))).toBe("run_conflict");
    expect(model.prompts).toHaveLength(1);
  });

  it("a busy thread refuses, where whenBusy is reject", async () => {
    const body = input();
    const one = await start("reject", body);
    await starts(body.runId);
    expect(await refused(start("reject", userInput("me too", { threadId })))).toBe("thread_busy");
    model.say("Hello").end();
    expect(await one.done).toMatchObject({ end: "success", messages: [{ content: "Hello" }] });
  });

  it("a busy thread lets one wait, where whenBusy is enqueue", async () => {
    const [first, second] = [input(), userInput("me too", { threadId })];
    const one = await start("enqueue", first);
    await starts(first.runId);
    const two = await start("enqueue", second);
    // When the server answers a ping, it has handled all earlier frames.
    watcher.send({ type: "ping" });
    await watcher.until((frame) => frame.includes("sluice.pong"));
    model.say("One.").end();
    expect(await one.done).toMatchObject({ end: "success", messages: [{ content: "One." }] });
    await starts(second.runId);
    model.say("Two.").end();
    const outcome = await two.done;
    await expectLegal(outcome);
    expect(outcome).toMatchObject({ end: "success", messages: [{ content: "Two." }] });
    expect(model.prompts[1]).toEqual(["hi", "One.", "me too"]);
    for (const seen of await watched(2)) await verifyRun(seen);
  });

  it("a busy thread makes way, where whenBusy is interrupt", async () => {
    const [first, second] = [input(), userInput("listen", { threadId })];
    const one = await start("interrupt", first);
    model.say("Once upon");
    await watcher.until(isType("TEXT_MESSAGE_CONTENT"));
    const two = await start("interrupt", second);
    expect(await one.done).toMatchObject({ end: "cancelled", messages: [{ content: "Once upon" }] });
    await starts(second.runId);
    model.say("Yes?").end();
    expect(await two.done).toMatchObject({ end: "success", messages: [{ content: "Yes?" }] });
    for (const seen of await watched(2)) await verifyRun(seen);
  });
});
