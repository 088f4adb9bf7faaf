/** Processes that share Postgres and Redis are replaced one after the other while clients use them. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type AguiEvent, EventType, type Message } from "../../src/protocol/events.ts";
import { startBalancer } from "../support/balancer.ts";
import { killRest, type ServerProcess, serve } from "../support/child.ts";
import { endOf, followThread } from "../support/follower.ts";
import { type SharedServers, startShared } from "../support/processes.ts";
import { userInput } from "../support/sse-client.ts";

let shared: SharedServers;
beforeAll(async () => {
  shared = await startShared();
});
afterAll(async () => {
  killRest();
  await shared.stop();
});

/** Slow enough that an answer takes longer than the stop of a process that does not wait. */
const SLOW = { DEMO_TOKENS_PER_SECOND: "10", DEMO_JITTER: "0" };

const answers = (event: AguiEvent) => event.type === EventType.TEXT_MESSAGE_CONTENT;
const said = (messages: readonly Message[]) => messages.map(({ role, content = "" }) => [role, content]);
const messagesOf = async (url: string, threadId: string) =>
  ((await (await fetch(`${url}/threads/${threadId}/messages`)).json()) as { messages: Message[] }).messages;

/** Checks that a request failed because its process has stopped. */
function gone({ cause }: Error & { cause?: { code?: string } }): undefined {
  expect(["ECONNREFUSED", "ECONNRESET", "UND_ERR_SOCKET"]).toContain(cause?.code);
}

describe("a rolling deployment", () => {
  /**
   * The number of threads that are used and read through the balancer in the meantime, each with one run after the
   * other.
   */
  const LANES = 4;
  /** The number of active runs of each process when it is stopped. */
  const HELD = 3;

  it("under load opens no gap, sends no position twice, and cuts no answer short", async () => {
    const { databaseUrl: DATABASE_URL, prefix: REDIS_PREFIX } = await shared.deployment();
    const start = () =>
      serve({ DATABASE_URL, REDIS_URL: shared.redis.url, REDIS_PREFIX, ...SLOW, DRAIN_SECONDS: "60" });
    let serving: ServerProcess[] = await Promise.all([start(), start()]);
    const balancer = await startBalancer(() => serving.map(({ url }) => Number(new URL(url).port)));
    const url = `http://127.0.0.1:${balancer.port}`;
    const ask = async ({ runId, ...input }: ReturnType<typeof userInput>, at = url) => {
      const follower = followThread(url, input.threadId);
      const headers = { "content-type": "application/json", prefer: "respond-async" };
      const body = JSON.stringify({ runId, ...input });
      const accepted = async () => {
        const response = await fetch(`${at}/agui`, { method: "POST", headers, body }).catch(gone);
        if (response?.status === 202) return true;
        if (response) expect(await response.json()).toMatchObject({ error: { code: "draining" } });
        return false;
      };
      await vi.waitUntil(accepted, { timeout: 60_000 });
      await follower.until(answers);
      return async () => {
        expect(await follower.until(endOf(runId))).toMatchObject({ type: "RUN_FINISHED" });
        expect(follower.gaps).toBe(0);
        const offsets = follower.cursors.map((cursor) => Number(cursor.split(":")[1]));
        expect(offsets).toEqual([...new Set(offsets)].sort((a, b) => a - b));
        expect(said(follower.messages)).toEqual(said(await messagesOf(url, input.threadId)));
        expect(JSON.stringify(follower.messages)).toContain("12 * 7 = 84");
        follower.close();
      };
    };
    let rolled = false;
    const lanes = Array.from({ length: LANES }, async () => {
      let runs = 0;
      for (; !rolled; runs += 1) await (await ask(userInput("What is 12 * 7?")))();
      return runs;
    });
    const roll = async () => {
      for (const old of [...serving]) {
        serving = [...serving, await start()];
        const held = await Promise.all(Array.from({ length: HELD }, () => ask(userInput("What is 12 * 7?"), old.url)));
        serving = serving.filter((process) => process !== old);
        expect(await old.stop()).toMatchObject({ code: 0, stderr: "" });
        for (const ended of held) await ended();
      }
    };
    await roll().finally(() => {
      rolled = true;
    });
    for (const runs of await Promise.all(lanes)) expect(runs).toBeGreaterThan(1);
    await balancer.close();
    await Promise.all(serving.map((process) => process.stop()));
  });
});
