/** Real processes that share Postgres and Redis, and die, halt or stop during runs. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type AguiEvent, EventType, type Message } from "../../src/protocol/events.ts";
import { killRest, type ServerProcess, serve } from "../support/child.ts";
import { temporaryFolder } from "../support/folder.ts";
import { endOf, followThread } from "../support/follower.ts";
import { type SharedServers, startShared } from "../support/processes.ts";
import { postRun, userInput } from "../support/sse-client.ts";

const folder = temporaryFolder();
let shared: SharedServers;
beforeAll(async () => {
  shared = await startShared();
});
afterAll(async () => {
  killRest();
  await shared.stop();
});

/** The deployments' databases, by the address of a process. */
const databases = new Map<string, string>();

/** Returns the number of starts that wait for a thread, in all processes. */
async function waitingOn({ url }: ServerProcess, threadId: string): Promise<number> {
  const client = new pg.Client(databases.get(url));
  await client.connect();
  const { rowCount } = await client.query("SELECT 1 FROM sluice.waiting_starts WHERE thread_id = $1", [threadId]);
  await client.end();
  return rowCount ?? 0;
}

/**
 * Starts processes of one deployment that serve the bundled assistant: recovered, lost, or with starts that wait. `ofFirst`
 * are settings of the first of them.
 */
async function processes(count: number, ofFirst: Record<string, string> = {}): Promise<ServerProcess[]> {
  const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
  const CONFIG_DIR = join(folder, REDIS_PREFIX.replace(":", ""));
  mkdirSync(CONFIG_DIR, { recursive: true });
  const graph = `${resolve("dist/agents/graphs.js")}:assistant`;
  const agents = { lost: { graph }, recovered: { graph, recover: true }, queue: { graph, whenBusy: "enqueue" } };
  writeFileSync(join(CONFIG_DIR, "agents.json"), JSON.stringify({ agents }));
  const all = { DATABASE_URL, REDIS_URL: shared.redis.url, REDIS_PREFIX, CONFIG_DIR, ...SLOW };
  const settings = Array.from({ length: count }, (_, index) => (index === 0 ? { ...all, ...ofFirst } : all));
  const started = await Promise.all(settings.map((env) => serve(env)));
  for (const { url } of started) databases.set(url, DATABASE_URL);
  return started;
}

/** Slow enough that a test can act between two words. */
const SLOW = { DEMO_TOKENS_PER_SECOND: "20", DEMO_JITTER: "0", STREAM_TIMEOUT_SECONDS: "600" };

const starts = (event: AguiEvent) => event.type === EventType.RUN_STARTED;
const answers = (event: AguiEvent) => event.type === EventType.TEXT_MESSAGE_CONTENT;
const messagesOf = async ({ url }: ServerProcess, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}/messages`)).json()) as { messages: Message[] }).messages;
const runsOf = async ({ url }: ServerProcess, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}`)).json()) as { lastRun: object }).lastRun;
const said = (messages: readonly Message[]) => messages.map(({ role, content = "" }) => [role, content]);

/** A run of an agent on one process, and a follower on another that has received such an event. */
async function followed(
  agent: string,
  on: ServerProcess,
  from: ServerProcess,
  reached: (event: AguiEvent) => boolean = answers,
) {
  const input = userInput("What is 12 * 7?");
  const run = await postRun(on.url, input, `/agui/agent/${agent}/run`);
  run.done.catch(() => {}); // Its process may die.
  const follower = followThread(from.url, input.threadId);
  await follower.until(reached);
  return { ...input, run, follower };
}

// A process counts as dead after 15 s. The tests wait for that at the same time.
describe("a process that", () => {
  it.concurrent("is killed leaves its runs to another, which goes on with them or ends them", async () => {
    const [dying, other] = (await processes(2)) as [ServerProcess, ServerProcess];
    const [lost, recovered] = await Promise.all([followed("lost", dying, other), followed("recovered", dying, other)]);
    await dying.kill();
    expect(await lost.follower.until(endOf(lost.runId))).toMatchObject({ type: "RUN_ERROR", code: "owner_lost" });
    expect(await recovered.follower.until(endOf(recovered.runId))).toMatchObject({ type: "RUN_FINISHED" });
    for (const { follower, threadId } of [lost, recovered]) {
      expect(said(follower.messages)).toEqual(said(await messagesOf(other, threadId)));
      expect(new Set(follower.cursors).size).toBe(follower.cursors.length);
      follower.close();
    }
    expect(JSON.stringify(await messagesOf(other, recovered.threadId))).toContain("84");
    expect(await runsOf(other, recovered.threadId)).toMatchObject({ outcome: "success" });
    await other.stop();
  });

  it.concurrent("is stopped leaves its runs to another at once, which goes on with them or reports their end", async () => {
    const [leaving, other] = (await processes(2)) as [ServerProcess, ServerProcess];
    const [ended, left] = await Promise.all([followed("lost", leaving, other), followed("recovered", leaving, other)]);
    expect(await leaving.stop()).toMatchObject({ code: 0, stderr: "" });
    expect(await ended.follower.until(endOf(ended.runId))).toMatchObject({ type: "RUN_ERROR", code: "draining" });
    expect(await left.follower.until(endOf(left.runId))).toMatchObject({ type: "RUN_FINISHED" });
    for (const { follower, threadId } of [ended, left]) {
      expect(said(follower.messages)).toEqual(said(await messagesOf(other, threadId)));
      follower.close();
    }
    expect(JSON.stringify(await messagesOf(other, left.threadId))).toContain("84");
    await other.stop();
  });

  it.concurrent("is killed while a start waits in it gives its place in line to the starts after it", async ({
    expect,
  }) => {
    // Its run goes on until the test cancels it, however long the starts take to wait.
    const endless = { DEMO_TOKENS_PER_SECOND: "0.1" };
    const [first, dying, last] = (await processes(3, endless)) as [ServerProcess, ServerProcess, ServerProcess];
    const { follower, threadId, runId } = await followed("queue", first, last, starts);
    const start = ({ url }: ServerProcess, content: string) =>
      postRun(url, userInput(content, { threadId }), "/agui/agent/queue/run");
    const lost = start(dying, "What is 2 + 2?");
    lost.catch(() => {});
    await expect.poll(() => waitingOn(first, threadId)).toBe(1);
    const next = start(last, "What is 2 + 3?");
    await expect.poll(() => waitingOn(first, threadId)).toBe(2);
    await dying.kill();
    await expect(lost).rejects.toThrow();
    await fetch(`${first.url}/agui/agent/queue/stop/${threadId}`, { method: "POST" });
    await follower.until(endOf(runId));
    expect((await (await next).done).at(-1)).toMatchObject({ type: "RUN_FINISHED" });
    const asked = (await messagesOf(first, threadId)).filter(({ role }) => role === "user");
    expect(asked.map(({ content }) => content)).toEqual(["What is 12 * 7?", "What is 2 + 3?"]);
    follower.close();
    await Promise.all([first.stop(), last.stop()]);
  });

  it.concurrent("is halted for longer than its lease changes nothing any more when it goes on", async () => {
    const [halted, other] = (await processes(2)) as [ServerProcess, ServerProcess];
    const { follower, threadId, runId } = await followed("lost", halted, other);
    halted.signal("SIGSTOP");
    expect(await follower.until(endOf(runId))).toMatchObject({ type: "RUN_ERROR", code: "owner_lost" });
    // Requests made while it is halted are answered when it continues, with the state of that time and not from its
    // memory.
    const meanwhile = userInput("What is 1 + 1?", { threadId });
    const asked = messagesOf(halted, threadId);
    await (await postRun(other.url, meanwhile)).done;
    await follower.until(endOf(meanwhile.runId));
    const [events, messages] = [follower.events.length, await messagesOf(other, threadId)];
    halted.signal("SIGCONT");
    expect(said(await asked)).toEqual(said(messages));
    // It notices that it has lost the run, and serves requests as before.
    const next = userInput("What is 2 + 3?", { threadId });
    const refused = ({ message }: Error): undefined => {
      expect(message).toMatch(/"code":"(storage_unavailable|thread_busy)"/); // It has not noticed yet.
    };
    const started = () => postRun(halted.url, next).catch(refused);
    const answer = await (await vi.waitUntil(started, { timeout: 60_000 })).done;
    expect(answer.at(-1)).toMatchObject({ type: "RUN_FINISHED" });
    await follower.until(endOf(next.runId));
    expect(follower.events.slice(events)[0]).toMatchObject({ type: "RUN_STARTED", runId: next.runId });
    expect(said((await messagesOf(other, threadId)).slice(0, messages.length))).toEqual(said(messages));
    follower.close();
    await Promise.all([halted.stop(), other.stop()]);
  });
});
