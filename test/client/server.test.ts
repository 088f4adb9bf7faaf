/** A connection and a real server. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type ConnectionState, SluiceConnection } from "../../src/client/connection.ts";
import { startSluice, type TestAgent, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connection, Ear, quick } from "./follow.ts";

let model: SteppedModel;
let agents: Record<string, TestAgent>;
let sluice: TestSluice;
let client: SluiceConnection;

beforeEach(async () => {
  model = new SteppedModel();
  agents = {
    stepped: { graph: chatGraph(model) },
    quick: { graph: chatGraph(new SteppedModel({ always: ["Hel", "lo"] })) },
  };
  sluice = await startSluice(agents);
  client = connection(sluice.ws);
});
afterEach(async () => {
  client.close();
  await sluice.close();
});

/** Replaces the server with a new one on the same port, without the data in memory. */
async function restart(): Promise<void> {
  await sluice.close();
  sluice = await startSluice(agents, { PORT: new URL(sluice.url).port });
}

describe("runs", () => {
  it("a run is sent from its start to its end", async () => {
    const ear = new Ear();
    const run = client.run(userInput("hi"), { agent: "quick", ...ear.listener });
    await run.confirmed;
    await verifyRun(await ear.ended);
    expect(ear.text).toBe("Hello");
    expect(run.cursor).toBe(ear.cursors.at(-1));
  });

  it("runs on two threads share the socket, and each listener hears its own", async () => {
    const [one, two] = [new Ear(), new Ear()];
    client.run(userInput("hi"), { agent: "stepped", ...one.listener });
    client.run(userInput("hi"), { agent: "quick", ...two.listener });
    await two.ended;
    model.say("Slow").end();
    await one.ended;
    expect([one.text, two.text]).toEqual(["Slow", "Hello"]);
  });

  it("a subscription reports the runs that are started beside it, in order", async () => {
    const input = userInput("hi", { threadId: "t" });
    const [watch, run] = [new Ear(), new Ear()];
    await client.subscribe("t", watch.listener).confirmed;
    client.run(input, { agent: "quick", ...run.listener });
    await run.until(({ text }) => text === "Hello");
    await run.until(({ events }) => events.at(-1)?.type === "RUN_FINISHED");
    // An idle thread is sent as a run that is over.
    expect(watch.events.slice(0, 3).map(({ type }) => type)).toEqual([
      "RUN_STARTED",
      "MESSAGES_SNAPSHOT",
      "RUN_FINISHED",
    ]);
    expect(watch.events.slice(-run.events.length)).toEqual(run.events);
  });

  it("narrows", async () => {
    const ear = new Ear();
    client.run(userInput("hi"), { agent: "quick", tokens: false, ...ear.listener });
    await ear.ended;
    expect(ear.events.filter(({ type }) => type === "TEXT_MESSAGE_CONTENT")).toMatchObject([{ delta: "Hello" }]);
  });

  it("a busy thread refuses the second run, and goes on with the first", async () => {
    const [one, two] = [new Ear(), new Ear()];
    await client.run(userInput("hi", { threadId: "t", runId: "first" }), one.listener).confirmed;
    const second = client.run(userInput("and", { threadId: "t" }), two.listener);
    await expect(second.confirmed).rejects.toMatchObject({ code: "thread_busy", details: { runId: "first" } });
    expect(two.errors).toMatchObject([{ code: "thread_busy", retryable: true }]);
    model.say("Done").end();
    await verifyRun(await one.ended);
    expect(one.errors).toEqual([]);
  });

  it("cancel ends the run, and there is nothing to cancel afterwards", async () => {
    const ear = new Ear();
    model.say("Well, ");
    client.run(userInput("hi", { threadId: "t" }), ear.listener);
    await ear.said("Well");
    await client.cancel("t");
    const events = await ear.ended;
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({ type: "RUN_FINISHED", outcome: { type: "cancelled" } });
    await expect(client.cancel("t")).rejects.toMatchObject({ code: "not_found" });
  });

  it("stats names what the list refused", async () => {
    const ear = new Ear();
    client.run(userInput("hi", { threadId: "t" }), { agent: "quick", ...ear.listener });
    await ear.ended;
    expect(await client.stats("t")).toMatchObject({ on_chat_model_start: 1 });
  });
});

describe("threads", () => {
  it("a late client gets what was said, and then the rest", async () => {
    model.say("One ");
    const [first, late] = [new Ear(), new Ear()];
    client.run(userInput("hi", { threadId: "t" }), first.listener);
    await first.said("One");
    const other = connection(sluice.ws);
    other.subscribe("t", late.listener);
    await late.said("One");
    model.say("two").end();
    await verifyRun(await late.ended);
    expect(late.text).toBe("One two");
    other.close();
  });

  it("a client that hides reasoning learns where the thread stands at once, even while it thinks", async () => {
    model.think("Hmm");
    const [first, late] = [new Ear(), new Ear()];
    client.run(userInput("hi", { threadId: "t" }), first.listener);
    await first.until(({ events }) => events.some(({ type }) => type === "REASONING_MESSAGE_CONTENT"));
    const other = connection(sluice.ws);
    other.subscribe("t", { reasoning: false, ...late.listener });
    await late.until(({ events }) => events.some(({ type }) => type === "MESSAGES_SNAPSHOT"));
    model.say("So.").end();
    await verifyRun(await late.ended);
    expect(late.text).toBe("So.");
    other.close();
  });

  it("goes on after a cursor", async () => {
    const ear = new Ear();
    const run = client.run(userInput("hi", { threadId: "t" }), { agent: "quick", ...ear.listener });
    await ear.ended;
    run.unsubscribe();
    const rest = new Ear();
    client.subscribe("t", { after: ear.cursors[2] as string, ...rest.listener });
    await rest.ended;
    expect(rest.events).toEqual(ear.events.slice(3));
  });

  it("unsubscribing and following again, at once and often, neither loses nor doubles", async () => {
    const ear = new Ear();
    const run = client.run(userInput("hi", { threadId: "t" }), { agent: "quick", ...ear.listener });
    await ear.ended;
    run.unsubscribe();
    const again = new Ear();
    for (let count = 0; count < 20; count += 1) {
      client.subscribe("t", { after: ear.cursors[0] as string, ...new Ear().listener }).unsubscribe();
    }
    client.subscribe("t", { after: ear.cursors[0] as string, ...again.listener });
    await again.ended;
    expect(again.events).toEqual(ear.events.slice(1));
  });
});

describe("the server goes", () => {
  it("a restarted server has another log: a gap, and what it knows", async () => {
    const ear = new Ear();
    client.subscribe("t", ear.listener);
    client.run(userInput("hi", { threadId: "t" }), { agent: "quick" });
    await ear.until(({ text }) => text === "Hello");
    const sent = ear.events.length;
    await restart();
    client.retryNow(); // Instead of the seconds that a draining server asks for.
    await ear.until(
      ({ gaps, events }) => gaps.length > 0 && events.length > sent && events.at(-1)?.type === "RUN_FINISHED",
    );
    expect(ear.gaps).toEqual([{ reason: "epoch" }]);
    // And the new log is followed.
    client.run(userInput("again", { threadId: "t" }), { agent: "quick" });
    await ear.until(({ text }) => text.endsWith("HelloHello"));
    expect(ear.gaps).toHaveLength(1);
  });

  it("is drained: what ran is sent to its end, and the client comes back to another", async () => {
    const states: ConnectionState[] = [];
    client.close();
    client = new SluiceConnection({ url: `${sluice.ws}/ws`, ...quick, onState: (state) => states.push(state) });
    const ear = new Ear();
    model.say("Going");
    client.run(userInput("hi"), ear.listener);
    await ear.said("Going");
    const closed = restart();
    model.say(", gone").end();
    await verifyRun(await ear.ended);
    expect(ear.text).toBe("Going, gone");
    await closed;
    client.retryNow();
    const next = new Ear();
    client.run(userInput("hi"), { agent: "quick", ...next.listener });
    await next.ended;
    expect(states.map(({ status }) => status)).toEqual(expect.arrayContaining(["open", "waiting", "connecting"]));
    expect(states.find(({ status }) => status === "waiting")).toMatchObject({ error: { message: /shutting down/ } });
  });

  it("a server that refuses the handshake for good is an end, by the code of its status", async () => {
    const states: ConnectionState[] = [];
    client.close();
    const url = `${sluice.ws}/ws?agent=nobody`;
    const ear = new Ear();
    client = new SluiceConnection({
      url,
      ...quick,
      onState: (state) => states.push(state),
    });
    client.run(userInput("hi"), ear.listener);
    await expect(ear.ended).rejects.toMatchObject({ code: "not_found", message: /404/, retryable: false });
    expect(states.map(({ status }) => status)).toEqual(["connecting", "closed"]);
  });
});
