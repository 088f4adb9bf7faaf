/** Postgres or Redis fails while runs are active on two servers that share them. */
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { isTerminal } from "../../src/protocol/events.ts";
import { LEASE_MS } from "../../src/store/postgres/heartbeat.ts";
import { type Deployment, type SharedServers, startShared } from "../support/processes.ts";
import type { TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse, watchSse } from "../support/sse-frames.ts";
import { SteppedModel } from "../support/stepped-model.ts";

const model = new SteppedModel();
let shared: SharedServers;
let deployment: Deployment;
let here: TestSluice;
let there: TestSluice;
beforeAll(async () => {
  shared = await startShared();
  deployment = await shared.deployment();
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addEdge(START, "chat")
    .addEdge("chat", END);
  const start = () =>
    deployment.start((checkpointer) => ({
      kept: { graph: graph.compile({ checkpointer }), entry: { orphanGraceSeconds: 60 } },
      forgetful: { graph: graph.compile(), entry: { orphanGraceSeconds: 60 } },
    }));
  [here, there] = [await start(), await start()];
});
afterAll(async () => {
  await deployment.close();
  await shared.stop();
});

const text = (part: string) => (frame: { data?: string }) => frame.data?.includes(`"delta":"${part}"`) === true;
const json = async (url: string) => (await (await fetch(url)).json()) as Record<string, unknown>;
const ready = ({ url }: TestSluice) => json(`${url}/readyz`);

/** Starts a run on one server, which has sent "one", and a reader on the other. */
async function running(agent: string) {
  const input = userInput("count");
  const run = await openSse(`${here.url}/agui/agent/${agent}/run`, input);
  model.say("one");
  await run.until(text("one"));
  const reader = await watchSse(`${there.url}/threads/${input.threadId}/events`);
  await reader.until(text("one"));
  return { ...input, run, reader };
}

/** Returns the end of a run that both readers received and that the store has. */
async function endOf({ run, reader, threadId }: Awaited<ReturnType<typeof running>>) {
  const ends = [await run.done, await reader.until(({ data }) => /RUN_(FINISHED|ERROR)/.test(data ?? ""))];
  reader.abort();
  const [first, second] = ends.map((frames) => {
    const terminal = eventsOf(dataOf(frames)).filter(({ type }) => isTerminal(type));
    expect(terminal).toHaveLength(1);
    return terminal[0];
  });
  expect(second).toEqual(first);
  return { terminal: first, lastRun: (await json(`${there.url}/threads/${threadId}`)).lastRun };
}

describe("while Postgres is away", () => {
  it("runs go on, starts are refused, and /readyz names the engine", async () => {
    const active = await running("kept");
    await shared.postgres.halt("immediate");
    model.say("two");
    await Promise.all([active.run.until(text("two")), active.reader.until(text("two"))]);
    for (const server of [here, there]) {
      expect(await ready(server)).toEqual({ status: "storage_unavailable", unavailable: ["postgres"] });
      const refused = await fetch(`${server.url}/chat`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ message: "hi" }),
      });
      expect(refused.status).toBe(503);
      expect(await refused.json()).toMatchObject({ error: { code: "storage_unavailable", retryable: true } });
    }
    await shared.postgres.start();
    await expect.poll(() => ready(here)).toEqual({ status: "ready" });
    model.say("three").end();
    expect(await endOf(active)).toMatchObject({
      terminal: { type: "RUN_FINISHED" },
      lastRun: { runId: active.runId, outcome: "success" },
    });
    expect(JSON.stringify(await json(`${there.url}/threads/${active.threadId}/messages`))).toContain("onetwothree");
  });

  it("a run ends at its next checkpoint, with storage_unavailable; its end is written when Postgres is back", async () => {
    const active = await running("kept");
    await shared.postgres.halt();
    model.say("two").end();
    await active.reader.until(hasType("TEXT_MESSAGE_END"));
    await shared.postgres.start();
    expect(await endOf(active)).toMatchObject({
      terminal: { type: "RUN_ERROR", code: "storage_unavailable" },
      lastRun: { runId: active.runId, outcome: "error", code: "storage_unavailable" },
    });
    const again = await openSse(`${there.url}/agui/agent/kept/run`, userInput("more", { threadId: active.threadId }));
    model.say("again").end();
    await again.until(hasType("RUN_FINISHED"));
  });

  it("a run that needs no checkpoint ends as it would have; that is written when Postgres is back", async () => {
    const active = await running("forgetful");
    await shared.postgres.halt();
    model.say("two").end();
    await active.reader.until(text("two"));
    await shared.postgres.start();
    expect(await endOf(active)).toMatchObject({
      terminal: { type: "RUN_FINISHED" },
      lastRun: { outcome: "success" },
    });
  });

  it("a run is stopped before another process may take it, and ends with storage_unavailable once", async () => {
    const active = await running("forgetful");
    await shared.postgres.halt("immediate");
    // The run no longer waits for its model.
    await vi.waitFor(() => expect(model.waits).toBe(false), { timeout: 2 * LEASE_MS, interval: 50 });
    await shared.postgres.start();
    expect(await endOf(active)).toMatchObject({
      terminal: { type: "RUN_ERROR", code: "storage_unavailable" },
      lastRun: { outcome: "error", code: "storage_unavailable" },
    });
  });
});

describe("while Redis does not answer", () => {
  it("a run whose events have no room any more leaves its model, and ends with storage_unavailable", async () => {
    const active = await running("forgetful");
    shared.redis.pause();
    // Readers in the run's process do not need Redis.
    model.say("two");
    await active.run.until(text("two"));
    model.say(...Array.from({ length: 6 }, () => "x".repeat(1_000_000)));
    await active.run.until(({ data }) => data?.includes('"storage_unavailable"') === true);
    expect(model.waits).toBe(false);
    expect(await ready(here)).toMatchObject({ status: "storage_unavailable", unavailable: ["redis"] });
    shared.redis.resume();
    expect(await endOf(active)).toMatchObject({
      terminal: { type: "RUN_ERROR", code: "storage_unavailable" },
      lastRun: { outcome: "error", code: "storage_unavailable" },
    });
  });
});
