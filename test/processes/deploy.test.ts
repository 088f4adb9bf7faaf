/** A process is replaced in the middle of an answer: the client comes back to another one, and misses nothing. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { startBalancer } from "../support/balancer.ts";
import { killRest, type ServerProcess, serve } from "../support/child.ts";
import { temporaryFolder } from "../support/folder.ts";
import { followThread } from "../support/follower.ts";
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

// Where its imports are found.
const folder = temporaryFolder();
const graph = resolve("dist", `two-steps-${process.pid}.mjs`);
let shared: SharedServers;
let model: RawModel;
beforeAll(async () => {
  [shared, model] = await Promise.all([startShared(), rawModel()]);
  writeFileSync(graph, TWO_STEPS);
});
afterAll(async () => {
  killRest();
  rmSync(graph);
  await Promise.all([shared.stop(), model.close()]);
});

it("a run goes on in a process that was started during the deploy, and its reader reads on", async () => {
  const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
  const CONFIG_DIR = join(folder, "config");
  mkdirSync(CONFIG_DIR, { recursive: true });
  writeFileSync(
    join(CONFIG_DIR, "agents.json"),
    JSON.stringify({ agents: { two: { graph: `${graph}:graph`, recover: true } } }),
  );
  const env = {
    DATABASE_URL,
    REDIS_URL: shared.redis.url,
    REDIS_PREFIX,
    CONFIG_DIR,
    OPENAI_BASE_URL: model.baseUrl,
    COALESCE_MS: "0",
    DRAIN_SECONDS: "60",
  };
  const old = await serve(env);
  let serving: ServerProcess[] = [old];
  const balancer = await startBalancer(() => serving.map(({ url }) => Number(new URL(url).port)));
  const url = `http://127.0.0.1:${balancer.port}`;
  const input = userInput("Go on");
  const reader = followThread(url, input.threadId);
  const headers = { "content-type": "application/json", prefer: "respond-async" };
  await fetch(`${url}/agui`, { method: "POST", headers, body: JSON.stringify(input) });
  const first = await model.call();
  first.say("Before. ");
  await reader.until((event) => event.type === "TEXT_MESSAGE_CONTENT");

  const next = await serve(env);
  serving = [next];
  const stopped = old.stop();
  first.say("During.");
  first.finish();
  const second = await model.call();
  second.say("After.");
  second.finish();
  await reader.until(({ type }) => type === "RUN_FINISHED");
  expect(await stopped).toMatchObject({ code: 0, stderr: "" });
  expect(reader.gaps).toBe(0);
  expect(reader.messages.map(({ content }) => content)).toEqual(["Go on", "Before. During.", "After."]);
  const since = reader.events.slice(reader.events.findIndex(({ type }) => type === "TEXT_MESSAGE_CONTENT"));
  expect(since.filter(({ type }) => type === "RUN_STARTED" || type === "MESSAGES_SNAPSHOT")).toEqual([]);
  expect(new Set(reader.cursors.map((cursor) => cursor.split(":")[0])).size).toBe(1);
  expect(new Set(reader.cursors).size).toBe(reader.cursors.length);
  reader.close();
  await Promise.all([next.stop(), balancer.close()]);
});
