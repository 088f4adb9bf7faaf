/** Under all network faults a client gets the complete run: no event is lost or reported twice. */

import { AIMessage } from "@langchain/core/messages";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import type { SluiceConnection } from "../../src/client/connection.ts";
import { type Fault, type FaultProxy, type FaultProxyOptions, faultProxy } from "../support/fault-proxy.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connection, Ear, words } from "./follow.ts";

let sluice: TestSluice;
let proxy: FaultProxy;
let client: SluiceConnection;

afterEach(async () => {
  client.close();
  await proxy.close();
  await sluice.close();
});

async function begin(graph: object, options: FaultProxyOptions, env: Record<string, string> = {}) {
  sluice = await startSluice({ chat: { graph } }, { HEARTBEAT_SECONDS: "0.05", ...env });
  proxy = await faultProxy(sluice.ws, options);
  client = connection(proxy.ws);
}

/** Checks that the events are the whole run, each once. */
async function expectWhole(ear: Ear, text: string): Promise<void> {
  await verifyRun(await ear.ended);
  expect(ear.text).toBe(text);
  expect(ear.gaps).toEqual([]);
  expect(new Set(ear.cursors).size).toBe(ear.cursors.length);
}

describe.each<Fault>(["reset", "end", "blackhole"])("%s", (fault) => {
  // The answer to the handshake, hello and ack are the first three.
  it.each([0, 1, 2, 3, 4, 5, 7, 12])(
    "after frame %i of the first connection, while the run goes on",
    async (afterFrames) => {
      const model = new SteppedModel().think("Hmm.").say(...words(10));
      await begin(chatGraph(model), {
        trouble: (connection) => (connection === 1 ? { fault, afterFrames } : undefined),
      });
      const ear = new Ear();
      client.run(userInput("hi"), ear.listener);
      await ear.said("word-9");
      model.say("the end").end();
      await expectWhole(ear, `${words(10).join("")}the end`);
      expect(proxy.connections).toBeGreaterThan(1);
    },
  );
});

/** Writes 300 custom events, which nothing merges. */
const counting = () =>
  new StateGraph(MessagesAnnotation)
    .addNode("count", (_, { writer }) => {
      for (let count = 0; count < 300; count += 1) writer?.({ count });
      return { messages: [new AIMessage("Done.")] };
    })
    .addEdge(START, "count")
    .addEdge("count", END)
    .compile({ checkpointer: memory() });

describe("a run of 300 events", () => {
  it.each([5, 7, 30])("over connections of %i frames each", async (afterFrames) => {
    await begin(counting(), { trouble: () => ({ fault: "reset", afterFrames }) });
    const ear = new Ear();
    client.run(userInput("hi"), ear.listener);
    await expectWhole(ear, "Done.");
    const counts = ear.events.flatMap((event) => (event.type === "CUSTOM" ? [event.value] : []));
    expect(counts).toEqual(Array.from({ length: 300 }, (_, count) => ({ count })));
    expect(proxy.connections).toBeGreaterThan(300 / afterFrames);
  });
});

it.each([4, 5, 6])(
  "how a run ended stays known when five sockets are cut inside a snapshot, after frame %i",
  async (inside) => {
    // The handshake's answer, hello, ack and gap come before the snapshot, whose third event is the run's end.
    const trouble = (connection: number) =>
      connection <= 6 ? ({ fault: "reset", afterFrames: inside } as const) : undefined;
    await begin(counting(), { trouble }, { LOG_MAX_EVENTS: "50" });
    const ear = new Ear();
    const input = userInput("hi");
    client.run(input, ear.listener);
    expect((await ear.ended).at(-1)).toMatchObject({ type: "RUN_FINISHED", runId: input.runId });
    expect(ear.gaps.length).toBeGreaterThan(0);
    expect(proxy.connections).toBeGreaterThan(6);
  },
);

describe("a run of many tokens", () => {
  it.each<Parameters<SluiceConnection["run"]>[1] & object>([
    { tokens: false },
    { reasoning: false },
    { events: "on_chat_model_stream" },
  ])("over short connections, narrowed to %j", async (narrowing) => {
    const model = new SteppedModel()
      .think("Let me see. ", "So.")
      .say(...words(20))
      .end();
    await begin(chatGraph(model), { trouble: () => ({ fault: "reset", afterFrames: 5 }) });
    const ear = new Ear();
    client.run(userInput("hi"), { ...narrowing, ...ear.listener });
    await expectWhole(ear, words(20).join(""));
  });

  it.each<FaultProxyOptions>([{ pieceBytes: 1 }, { pieceBytes: 7 }, { delayMs: 20 }])(
    "that come %j",
    async (options) => {
      const tokens = words(300);
      await begin(chatGraph(new SteppedModel({ always: tokens })), options);
      const ear = new Ear();
      client.run(userInput("hi"), ear.listener);
      await expectWhole(ear, tokens.join(""));
    },
  );
});

it("the run is not started twice when its ack is lost", async () => {
  const model = new SteppedModel().say("once").end().say("twice").end();
  await begin(chatGraph(model), {
    trouble: (connection) => (connection === 1 ? { fault: "reset", afterFrames: 2 } : undefined),
  });
  const ear = new Ear();
  client.run(userInput("hi"), ear.listener);
  await expectWhole(ear, "once");
  expect(model.prompts).toHaveLength(1);
});

it("a server that falls silent is left, and the run goes on with another socket", async () => {
  const model = new SteppedModel().say("a");
  await begin(chatGraph(model), {});
  const ear = new Ear();
  client.run(userInput("hi"), ear.listener);
  await ear.said("a");
  proxy.strike("blackhole");
  model.say("b").end();
  await expectWhole(ear, "ab");
  expect(proxy.connections).toBeGreaterThan(1);
});
