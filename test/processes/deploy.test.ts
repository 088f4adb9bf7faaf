/** A process is replaced in the middle of an answer: the client comes back to another one, and misses nothing. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Message } from "../../src/protocol/events.ts";
import { startBalancer } from "../support/balancer.ts";
import { killRest, project, type ServerProcess, serve } from "../support/child.ts";
import { endOf, followThread } from "../support/follower.ts";
import { type SharedServers, startShared } from "../support/processes.ts";
import { type RawModel, rawModel } from "../support/raw-model.ts";
import { userInput } from "../support/sse-client.ts";

const TWO_STEPS = `
  import { ChatOpenAI } from "@langchain/openai";
  import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
  const configuration = { baseURL: process.env.OPENAI_BASE_URL };
  const model = new ChatOpenAI({ model: "raw", apiKey: "none", configuration });
  const step = async ({ messages }) => ({ messages: await model.invoke(messages) });
  export const graph = new StateGraph(MessagesAnnotation)
    .addNode("first", step)
    .addNode("second", step)
    .addEdge(START, "first")
    .addEdge("first", "second")
    .addEdge("second", END)
    .compile();
`;

/** With the graph. */
let folder: Awaited<ReturnType<typeof project>>;
let shared: SharedServers;
let model: RawModel;
beforeAll(async () => {
  [shared, model, folder] = await Promise.all([startShared(), rawModel(), project({ "two-steps.mjs": TWO_STEPS })]);
});
afterAll(async () => {
  killRest();
  await Promise.all([shared.stop(), model.close(), folder[Symbol.asyncDispose]()]);
});

/** Processes of one deployment that a balancer serves, and a reader of a run whose first step has said something. */
async function running() {
  const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
  const CONFIG_DIR = join(folder.path, REDIS_PREFIX.replace(":", ""));
  mkdirSync(CONFIG_DIR, { recursive: true });
  writeFileSync(
    join(CONFIG_DIR, "agents.json"),
    JSON.stringify({ agents: { two: { graph: "../two-steps.mjs:graph", recover: true } } }),
  );
  const start = () =>
    serve({
      DATABASE_URL,
      REDIS_URL: shared.redis.url,
      REDIS_PREFIX,
      CONFIG_DIR,
      OPENAI_BASE_URL: model.baseUrl,
      COALESCE_MS: "0",
      DRAIN_SECONDS: "60",
    });
  const old = await start();
  let serving = [old];
  const balancer = await startBalancer(() => serving.map(({ url }) => Number(new URL(url).port)));
  const url = `http://127.0.0.1:${balancer.port}`;
  const input = userInput("Go on");
  const reader = followThread(url, input.threadId);
  // The reader is sent the thread's state before its first run: a run of no name that is over.
  await reader.until(({ type }) => type === "RUN_FINISHED");
  const headers = { "content-type": "application/json", prefer: "respond-async" };
  await fetch(`${url}/agui`, { method: "POST", headers, body: JSON.stringify(input) });
  const first = await model.call();
  first.say("Before. ");
  await reader.until((event) => event.type === "TEXT_MESSAGE_CONTENT");
  const starts = () => reader.events.filter((event) => event.type === "RUN_STARTED" && event.runId === input.runId);
  const end = endOf(input.runId);
  return {
    old,
    start,
    serve: (...processes: ServerProcess[]) => {
      serving = processes;
    },
    first,
    reader,
    starts,
    ended: () => reader.until(end),
    close: async () => {
      reader.close();
      await Promise.all([...serving.map((process) => process.stop()), balancer.close()]);
    },
  };
}

const texts = (messages: readonly Message[]) => messages.map(({ content }) => content);

it("a run goes on in a process that was started during the deploy, and its reader reads on", async () => {
  const { old, start, serve, first, reader, starts, ended, close } = await running();
  const next = await start();
  serve(next);
  const stopped = old.stop();
  first.say("During.");
  first.finish();
  const second = await model.call();
  second.say("After.");
  second.finish();
  await ended();
  expect(await stopped).toMatchObject({ code: 0, stderr: "" });
  expect(reader.gaps).toBe(0);
  expect(texts(reader.messages)).toEqual(["Go on", "Before. During.", "After."]);
  expect(starts()).toHaveLength(1);
  expect(new Set(reader.cursors.map((cursor) => cursor.split(":")[0])).size).toBe(1);
  expect(new Set(reader.cursors).size).toBe(reader.cursors.length);
  await close();
});

it("a run whose second process dies goes on in a third one as after a crash", async () => {
  const { old, start, serve, first, reader, starts, ended, close } = await running();
  const next = await start();
  serve(next);
  const stopped = old.stop();
  first.say("During.");
  first.finish();
  const lost = await model.call();
  lost.say("Lost.");
  await reader.until((event) => event.type === "TEXT_MESSAGE_CONTENT" && event.delta === "Lost.");
  const third = await start();
  serve(third);
  await next.kill();
  const second = await model.call();
  second.say("After.");
  second.finish();
  await ended();
  expect(await stopped).toMatchObject({ code: 0, stderr: "" });
  expect(texts(reader.messages)).toEqual(["Go on", "Before. During.", "After."]);
  // The reader's process was stopped, and served it to the end of the run.
  expect(reader.gaps).toBe(1);
  expect(starts().length).toBeGreaterThan(1);
  expect(new Set(reader.cursors.map((cursor) => cursor.split(":")[0])).size).toBe(2);
  expect(new Set(reader.cursors).size).toBe(reader.cursors.length);
  await close();
});
