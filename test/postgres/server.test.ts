/** A server that keeps everything in Postgres: what survives a restart, and what an old process may no longer write. */
import { Annotation, END, interrupt, START, StateGraph } from "@langchain/langgraph";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openPostgres } from "../../src/app/postgres-storage.ts";
import { currentRun } from "../../src/runs/current-run.ts";
import { run, start, USER } from "../store/contract.ts";
import { type PostgresServer, startPostgres } from "../support/postgres.ts";
import { startSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, openSse } from "../support/sse-frames.ts";

let server: PostgresServer;
beforeAll(async () => {
  server = await startPostgres();
});
afterAll(() => server.stop());

const Said = Annotation.Root({ asked: Annotation<string>, messages: Annotation<unknown[]> });

/** Asks something, and goes on with the answer. */
const asking = () =>
  new StateGraph(Said)
    .addNode("ask", () => ({ asked: String(interrupt("Really?")) }))
    .addNode("answer", ({ asked }) => ({ messages: [{ role: "assistant", content: `You said ${asked}.` }] }))
    .addEdge(START, "ask")
    .addEdge("ask", "answer")
    .addEdge("answer", END);

describe("a server whose database is Postgres", () => {
  it("goes on after a restart: the transcript, the question that is open, and what the graph remembers", async () => {
    const url = await server.database();
    const open = async () => {
      const { store, checkpointer } = await openPostgres(url);
      return startSluice({ agent: { graph: asking().compile({ checkpointer }) } }, {}, { store });
    };
    const first = await open();
    const input = userInput("hello");
    const asked = eventsOf(dataOf(await (await openSse(`${first.url}/agui`, input)).done)).at(-1);
    expect(asked).toMatchObject({ type: "RUN_FINISHED", outcome: { type: "interrupt" } });
    await first.close();

    const second = await open();
    const [question] = (asked as { outcome: { interrupts: { id: string }[] } }).outcome.interrupts;
    const resume = [{ interruptId: question?.id, status: "resolved", payload: "yes" }];
    const answered = await (await openSse(`${second.url}/agui`, { ...input, runId: "answer", messages: [], resume }))
      .done;
    expect(JSON.stringify(dataOf(answered))).toContain("You said yes.");
    const deleted = await fetch(`${second.url}/threads/${input.threadId}`, { method: "DELETE" });
    expect(deleted.status).toBe(204);
    await second.close();

    const client = new pg.Client(url);
    await client.connect();
    for (const table of ["threads", "runs", "messages", "checkpoints", "checkpoint_writes"]) {
      expect([table, (await client.query(`SELECT * FROM sluice.${table}`)).rows]).toEqual([table, []]);
    }
    await client.end();
  });

  it("has its database to itself", async () => {
    const url = await server.database();
    const first = await openPostgres(url);
    await expect(openPostgres(url)).rejects.toThrow(
      /^the database is in use by another process\. Stop it, choose another, or set REDIS_URL for all that share it\.$/,
    );
    await first.store.close();
    await (await openPostgres(url)).store.close();
  });

  it("writes no checkpoint and no item for a run that was taken over", async () => {
    const { store, checkpointer, items } = await openPostgres(await server.database());
    const claim = await start(store, run("t", "r"), [USER]);
    const graph = new StateGraph(Said)
      .addNode("n", () => ({ asked: "x" }))
      .addEdge(START, "n")
      .addEdge("n", END);
    const config = { configurable: { thread_id: "t" } };
    const invoke = (asked: string, fence: number) =>
      currentRun.run({ agent: "a", ...claim, fence }, () =>
        graph.compile({ checkpointer }).invoke({ asked }, { ...config, durability: "sync" }),
      );
    await invoke("first", claim.fence);
    const before = await checkpointer.getTuple(config);
    const next = await store.takeOver(claim);
    await expect(invoke("second", claim.fence)).rejects.toMatchObject({ code: "owner_lost" });
    expect(await checkpointer.getTuple(config)).toEqual(before);
    const put = (fence: number) =>
      currentRun.run({ agent: "a", ...claim, fence }, () => items.of("a").put(["n"], "k", { n: 1 }));
    await expect(put(claim.fence)).rejects.toMatchObject({ code: "owner_lost" });
    expect(await items.of("a").get(["n"], "k")).toBeNull();
    await put(next?.fence ?? 0);
    expect(await items.of("a").get(["n"], "k")).toMatchObject({ value: { n: 1 } });
    await store.close();
  });
});
