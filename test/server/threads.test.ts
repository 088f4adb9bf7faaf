/** A person's conversations over HTTP, on a store that keeps them. */

import { join } from "node:path";
import { AIMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import type { MemoryLog } from "../../src/log/memory.ts";
import { EventType } from "../../src/protocol/events.ts";
import { Checkpointer } from "../../src/store/checkpointer.ts";
import { Database } from "../../src/store/database.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { openSse } from "../support/sse-frames.ts";

const folder = temporaryFolder();
let files = 0;
const open: TestSluice[] = [];
afterEach(async () => {
  for (const sluice of open.splice(0)) await sluice.close();
});

/** Says how many messages it remembers; "wait" makes it wait for ever. */
function counting(checkpointer: Checkpointer) {
  const count = async ({ messages }: typeof MessagesAnnotation.State) => {
    if (messages.at(-1)?.content === "wait") await new Promise(() => {});
    return { messages: [new AIMessage(`${messages.length}`)] };
  };
  return new StateGraph(MessagesAnnotation).addNode("count", count).addEdge(START, "count").compile({ checkpointer });
}

async function start(file = `${files++}.db`) {
  const database = Database.open(join(folder, file));
  const graph = counting(new Checkpointer(database));
  const sluice = await startSluice({ agent: { graph } }, {}, { store: new SqliteStore(database) });
  open.push(sluice);
  const ask = async (path: string, init?: RequestInit) => {
    const response = await fetch(`${sluice.url}${path}`, init);
    const text = await response.text();
    return { status: response.status, body: text ? (JSON.parse(text) as Record<string, unknown>) : undefined };
  };
  const chat = (threadId: string, message: string) =>
    ask("/chat", {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ threadId, message }),
    });
  return { sluice, database, ask, chat };
}

const ids = (body: unknown) => (body as { threads: { threadId: string }[] }).threads.map(({ threadId }) => threadId);

describe("GET /threads", () => {
  it("lists conversations page by page, and says which are active", async () => {
    const { sluice, ask, chat } = await start();
    expect(await ask("/threads")).toEqual({ status: 200, body: { threads: [] } });
    for (const id of ["a", "b", "c"]) {
      await chat(id, `Hello from ${id}`);
      await new Promise((resolve) => setTimeout(resolve, 2));
    }
    const first = await ask("/threads?limit=2");
    expect(ids(first.body)).toEqual(["c", "b"]);
    const next = encodeURIComponent(String(first.body?.next));
    expect(await ask(`/threads?limit=2&before=${next}`)).toEqual({
      status: 200,
      body: {
        threads: [
          {
            threadId: "a",
            title: "Hello from a",
            agent: "agent",
            waiting: false,
            archived: false,
            active: false,
            createdAt: expect.any(Number),
            updatedAt: expect.any(Number),
          },
        ],
      },
    });
    const run = await postRun(sluice.url, { ...userInput("wait"), threadId: "b" });
    await run.until(EventType.STEP_STARTED);
    expect((await ask("/threads/b")).body).toMatchObject({ threadId: "b", active: true });
    expect(ids((await ask("/threads")).body)[0]).toBe("b");
  });

  it("one of them also says how far its log reaches", async () => {
    const { sluice, ask } = await start();
    const run = await openSse(`${sluice.url}/agui`, { ...userInput("one"), threadId: "t" });
    const ids = (await run.done).flatMap(({ id }) => id ?? []);
    expect((await ask("/threads/t")).body?.cursor).toBe(ids.at(-1));
  });

  it("one of them also says what the allow-list refused, in the active run or the last", async () => {
    const { sluice, ask, chat } = await start();
    await chat("t", "one");
    const { refused } = (await ask("/threads/t")).body ?? {};
    expect(refused).toMatchObject({ on_chain_stream: expect.any(Number) });
    const run = await postRun(sluice.url, { ...userInput("wait"), threadId: "t" });
    await run.until(EventType.STEP_STARTED);
    // The waiting run has ended no node yet, unlike the run before.
    expect((await ask("/threads/t")).body?.refused).not.toEqual(refused);
    expect((await ask("/threads")).body).not.toHaveProperty("threads.0.refused");
  });

  it.each(["limit=0", "limit=101", "limit=x", "before=%20"])("refuses ?%s", async (query) => {
    const { ask } = await start();
    expect(await ask(`/threads?${query}`)).toMatchObject({ status: 400, body: { error: { code: "bad_request" } } });
  });
});

describe("DELETE /threads/:id", () => {
  it("forgets the messages, the graph's memory and the events", async () => {
    const { sluice, ask, chat } = await start();
    expect((await chat("t", "one")).body).toMatchObject({ message: "1" });
    expect((await chat("t", "two")).body).toMatchObject({ message: "3" });
    expect(await ask("/threads/t", { method: "DELETE" })).toEqual({ status: 204, body: undefined });
    expect(await ask("/threads/t", { method: "DELETE" })).toMatchObject({ status: 404 });
    expect(await ask("/threads/t")).toMatchObject({ status: 404 });
    expect(await ask("/threads/t/messages")).toMatchObject({ status: 404 });
    expect((sluice.log as MemoryLog).size.topics).toBe(0);
    expect((await chat("t", "again")).body).toMatchObject({ message: "1" });
  });

  it("cancels an active run first; its reader learns that it is over", async () => {
    const { sluice, ask } = await start();
    const run = await postRun(sluice.url, { ...userInput("wait"), threadId: "t" });
    await run.until(EventType.STEP_STARTED);
    expect(await ask("/threads/t", { method: "DELETE" })).toMatchObject({ status: 204 });
    await run.done;
    expect(sluice.runs.activeCount).toBe(0);
    expect(await ask("/threads/t")).toMatchObject({ status: 404 });
  });
});

describe("a database that is kept", () => {
  it("has every thread again after a restart, and conversations go on", async () => {
    const before = await start("kept.db");
    await before.chat("t", "one");
    await before.chat("u", "other");
    const messages = (await before.ask("/threads/t/messages")).body;
    await open.pop()?.close();
    const after = await start("kept.db");
    expect(ids((await after.ask("/threads")).body)).toEqual(["u", "t"]);
    expect((await after.ask("/threads/t/messages")).body).toEqual(messages);
    expect((await after.chat("t", "two")).body).toMatchObject({ message: "3" });
  });

  it("that is full refuses runs and new traffic, and takes both again when there is room", async () => {
    const { database, ask, chat } = await start();
    await chat("t", "one");
    expect(await ask("/readyz")).toEqual({ status: 200, body: { status: "ready" } });
    database.maxPages = 1;
    const large = "x".repeat(500_000);
    expect(await chat("t", large)).toMatchObject({
      status: 503,
      body: { error: { code: "storage_unavailable", retryable: true } },
    });
    expect(await ask("/readyz")).toEqual({
      status: 503,
      body: { status: "storage_unavailable", unavailable: ["sqlite"] },
    });
    expect(await ask("/healthz")).toMatchObject({ status: 200 });
    expect((await ask("/threads/t")).body).toMatchObject({ active: false });
    database.maxPages = 1_000_000;
    expect(await ask("/readyz")).toMatchObject({ status: 200 });
    expect((await chat("t", large)).body).toMatchObject({ message: "3" });
  });
});
