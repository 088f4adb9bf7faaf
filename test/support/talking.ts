/** A conversation whose run is handed over: its servers, its reader, and the ways to look at it. */
import type { RunnableConfig } from "@langchain/core/runnables";
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import pg from "pg";
import { expect } from "vitest";
import { takeInjected } from "../../src/authoring/injected.ts";
import type { AgentEntry } from "../../src/config/agents.ts";
import type { AguiEvent, Message } from "../../src/protocol/events.ts";
import type { Instances } from "../../src/store/instances.ts";
import { type Follower, followThread } from "./follower.ts";
import type { Deployment, SharedServers } from "./processes.ts";
import type { TestSluice } from "./sluice.ts";
import { userInput } from "./sse-client.ts";
import { openSse } from "./sse-frames.ts";
import { SteppedModel } from "./stepped-model.ts";

/**
 * Calls the model again and again, until its answer ends in a point. It pauses at a question. `steps` gets the
 * configuration of each step.
 */
function talking(model: SteppedModel, checkpointer: BaseCheckpointSaver, steps: RunnableConfig[]) {
  return new StateGraph(MessagesAnnotation)
    .addNode("talk", async ({ messages }, config) => {
      steps.push(config);
      const sent = await takeInjected(config);
      return { messages: [...sent, await model.invoke([...messages, ...sent])] };
    })
    .addNode("ask", () => ({}))
    .addEdge(START, "talk")
    .addConditionalEdges("talk", ({ messages }) => {
      const said = messages.at(-1)?.text ?? "";
      return said.endsWith(".") ? END : said.endsWith("?") ? "ask" : "talk";
    })
    .addEdge("ask", END)
    .compile({ checkpointer, interruptBefore: ["ask"] });
}

export type Others = Parameters<Deployment["start"]>[2];

export interface TalkOptions {
  readonly drainSeconds?: string;
  readonly entry?: Partial<AgentEntry>;
  /** The most events that the log keeps of a topic. */
  readonly maxEvents?: number;
}

/** Servers that a conversation may run on. */
export async function talkers(
  shared: SharedServers,
  { drainSeconds = "60", entry, maxEvents }: TalkOptions,
  ...others: Others[]
) {
  const deployment = await shared.deployment(maxEvents === undefined ? {} : { maxEvents });
  const model = new SteppedModel();
  const steps: RunnableConfig[] = [];
  const agents = (checkpointer: BaseCheckpointSaver) => ({
    talk: {
      graph: talking(model, checkpointer, steps),
      entry: { recover: true, detachedGraceSeconds: 60, ...entry },
    },
  });
  const start = (othersAs?: Others) => deployment.start(agents, { DRAIN_SECONDS: drainSeconds }, othersAs);
  const servers: TestSluice[] = [];
  for (const othersAs of others) servers.push(await start(othersAs));
  const input = userInput("talk");
  return {
    ...input,
    input,
    deployment,
    servers,
    start,
    model,
    steps,
    /** Executes a statement in their database. `$1` is the run's id. */
    async query(sql: string) {
      const client = new pg.Client(deployment.databaseUrl);
      await client.connect();
      const { rows } = await client.query(sql, [input.runId]);
      await client.end();
      return rows as unknown[];
    },
  };
}

/** Servers, a run on the first of them, and a reader on the last. A word is a step of the graph. */
export async function talkOn(shared: SharedServers, drainSeconds: string, ...others: Others[]) {
  const all = await talkers(shared, { drainSeconds }, ...others);
  const { input, model, servers } = all;
  const [first, last] = [servers[0] as TestSluice, servers.at(-1) as TestSluice];
  const run = await openSse(`${first.url}/agui`, { ...input, forwardedProps: { sluice: { detached: true } } });
  const reader = followThread(last.url, input.threadId);
  await reader.until(({ type }) => type === "STEP_STARTED");
  return {
    ...all,
    run,
    reader,
    async say(word: string) {
      model.say(word).end();
      await reader.until((event) => event.type === "TEXT_MESSAGE_CONTENT" && event.delta === word);
    },
    /** The row of the run. */
    async row() {
      const [row] = await all.query("SELECT * FROM sluice.runs WHERE run_id = $1");
      return row as { status: string; owner: string | null; input: string };
    },
  };
}

/** Waits until a server drives this many runs. */
export async function drives({ runs }: TestSluice, count: number): Promise<void> {
  await expect.poll(() => runs.activeCount).toBe(count);
}
export const post = async (url: string, body: object) =>
  fetch(url, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
export const messagesOf = async ({ url }: TestSluice, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}/messages`)).json()) as { messages: Message[] }).messages;
export const texts = (messages: readonly Message[]) => messages.map(({ content }) => content);
export const countOf = ({ events }: Pick<Follower, "events">, type: `${AguiEvent["type"]}`) =>
  events.filter((event) => event.type === type).length;

/** The reader was sent one run, each event once, in one epoch. */
export function noticedNothing(reader: Follower, runId: string): void {
  expect(reader.gaps).toBe(0);
  expect(reader.events.filter(({ type }) => type === "RUN_STARTED")).toMatchObject([{ runId }]);
  expect(countOf(reader, "MESSAGES_SNAPSHOT")).toBeLessThanOrEqual(1); // That of a reader that comes in the middle.
  const cursors = reader.cursors.map((cursor) => cursor.split(":"));
  expect(new Set(cursors.map(([epoch]) => epoch)).size).toBe(1);
  const offsets = cursors.map(([, offset]) => Number(offset));
  expect(offsets).toEqual(offsets.map((_, n) => (offsets[0] ?? 0) + n));
  expect(countOf(reader, "STEP_STARTED")).toBe(countOf(reader, "STEP_FINISHED"));
}

/** `handOver` of a server, or another of its calls, waits until it is let go. */
export function gate(call: "handOver" | "followed" | "hasSuccessor" = "handOver"): {
  others: Others;
  reached: Promise<void>;
  open: () => void;
} {
  let [reach, open] = [() => {}, () => {}];
  const reached = new Promise<void>((resolve) => {
    reach = resolve;
  });
  const opened = new Promise<void>((resolve) => {
    open = resolve;
  });
  const others = (instances: Instances) => ({
    [call]: async (...given: unknown[]) => {
      reach();
      await opened;
      return (instances[call] as (...given: unknown[]) => unknown)(...given);
    },
  });
  return { others, reached, open };
}

/** A server that finds no run without a process until the test lets it. */
export function blind(): { others: Others; see: () => void } {
  let sees = false;
  return {
    others: (instances) => ({ orphans: async () => (sees ? instances.orphans() : []) }),
    see: () => {
      sees = true;
    },
  };
}
