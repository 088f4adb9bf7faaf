/** Which nodes are certain to run again after a crash. Recovery drops the messages of these nodes alone. */
import { join } from "node:path";
import { setImmediate as nextTurn } from "node:timers/promises";
import { getConfig, Send, START, StateGraph, StateSchema, task, UntrackedValue } from "@langchain/langgraph";
import { emptyCheckpoint } from "@langchain/langgraph-checkpoint";
import { afterAll, expect, it } from "vitest";
import { z } from "zod";
import { runAgain } from "../../src/graph/checkpoints.ts";
import { Checkpointer, type CheckpointHooks } from "../../src/store/checkpointer.ts";
import { Database } from "../../src/store/database.ts";
import type { Statement, Tables } from "../../src/store/tables.ts";
import { temporaryFolder } from "../support/folder.ts";

const database = Database.open(join(temporaryFolder(), "again.db"));
afterAll(() => database.close());

const NO_TABLES: Tables = { all: () => [], write: () => {}, erase: () => {} };

type Config = { configurable?: Record<string, unknown>; signal?: AbortSignal };

it("a node is certain to run again only if LangGraph is about to run it, and nothing on the way to it is stored", async () => {
  const State = new StateSchema({ kept: z.string(), untracked: new UntrackedValue(z.string()) });
  const saver = new Checkpointer(database);
  const places: Record<string, string> = {};
  const note = (name: string, config: Config) => {
    places[name] = String(config.configurable?.checkpoint_ns);
  };
  const node = (name: string, update: object) => (_: unknown, config: Config) => {
    note(name, config);
    return update;
  };
  /** It is at work when its process dies. */
  const atWork = (name: string) => (_: unknown, config: Config) => {
    note(name, config);
    return new Promise<never>((_, reject) => config.signal?.addEventListener("abort", () => reject(new Error("dead"))));
  };
  const inside = new StateGraph(State)
    // The graph stores nothing of it: it leaves no result.
    .addNode("over", node("inside/over", { untracked: "b" }))
    .addNode("work", atWork("inside/work"))
    .addEdge(START, "over")
    .addEdge("over", "work")
    .compile();
  const forgetful = new StateGraph(State)
    .addNode("work", atWork("forgetful/work"))
    .addEdge(START, "work")
    .compile({ checkpointer: false });
  const apart = new StateGraph(State).addNode("said", node("apart/said", {})).addEdge(START, "said").compile();
  const called = task("called", async () => note("called", getConfig()));
  const graph = new StateGraph(State)
    .addNode("before", node("before", { kept: "a" }))
    .addNode("work", atWork("work"))
    .addNode("done", node("done", { kept: "c" }))
    .addNode("calls", async (_: unknown, config: Config) => {
      await apart.invoke({ kept: "" }, { configurable: { thread_id: "other", checkpoint_ns: "" } });
      await called();
      note("calls", config);
      return {};
    })
    .addNode("inside", inside)
    .addNode("forgetful", forgetful)
    .addEdge(START, "before")
    .addEdge("before", "work")
    .addEdge("before", "done")
    .addEdge("before", "calls")
    .addEdge("before", "inside")
    .addEdge("before", "forgetful")
    .compile({ checkpointer: saver });

  const dies = new AbortController();
  const thread = { configurable: { thread_id: "t" } };
  const run = graph.invoke({ kept: "" }, { ...thread, durability: "sync", signal: dies.signal });
  run.catch(() => {});
  const isDone = (name: string) => {
    const id = places[name]?.split(":")[1];
    return id !== undefined && saver.hasResult("t", id);
  };
  const isThere = () => ["work", "inside/work", "forgetful/work"].every((name) => places[name] !== undefined);
  while (!(isThere() && (await isDone("done")) && (await isDone("calls")))) await nextTurn();

  const namesOf = (found: ReadonlySet<string> | undefined) =>
    Object.keys(places)
      .filter((name) => found?.has(String(places[name])))
      .sort();
  const newest = String(await saver.newestId("t"));
  const all = Object.values(places);
  expect(namesOf(await runAgain(graph as never, "t", newest, all))).toEqual(["forgetful/work", "inside/work", "work"]);
  // The graph stored something after that: it may be of these nodes.
  expect(namesOf(await runAgain(graph as never, "t", "an earlier one", all))).toEqual([]);
  dies.abort();
});

it("a result that cannot be stored fails for its own run alone", async () => {
  let run: CheckpointHooks = {};
  const fails = new Error("This run no longer has its thread.");
  const write = ([first]: readonly Statement[]) => (first?.[4] === "late" ? Promise.reject(fails) : Promise.resolve());
  const saver = new Checkpointer({ ...NO_TABLES, write: (...statements) => write(statements) }, () => run);
  const configurable = { thread_id: "t", checkpoint_ns: "", checkpoint_id: "c" };
  const late = saver.putWrites({ configurable }, [["kept", "x"]], "late");
  run = {};
  const next = saver.put({ configurable }, emptyCheckpoint(), { source: "loop", step: 1, parents: {} });
  await expect(late).rejects.toBe(fails);
  expect((await next).configurable).toMatchObject({ thread_id: "t" });
});

it("results are stored in their order, those that come during a write in the next one, and the checkpoint after them", async () => {
  const written: unknown[] = [];
  const waiting: (() => void)[] = [];
  const write = (...statements: readonly Statement[]) => {
    const isResult = ([sql]: Statement) => sql.startsWith("INSERT INTO checkpoint_writes");
    written.push(statements.map((one) => (isResult(one) ? one[4] : "checkpoint")));
    return new Promise<void>((resolve) => waiting.push(resolve));
  };
  const saver = new Checkpointer({ ...NO_TABLES, write: (...statements) => write(...statements) });
  const configurable = { thread_id: "t", checkpoint_ns: "", checkpoint_id: "c" };
  const metadata = { source: "loop" as const, step: 1, parents: {} };
  const put = (task: string, value: string) => saver.putWrites({ configurable }, [["kept", value]], task);
  const first = put("first", "x");
  while (waiting.length === 0) await nextTurn();
  const all = Promise.all([
    first,
    put("second", "x".repeat(1_000)),
    put("third", "x"),
    put("fourth", "x"),
    saver.put({ configurable }, emptyCheckpoint(), metadata),
  ]);
  const order = [["first"], ["second", "third", "fourth"], ["checkpoint"]];
  for (const [index] of order.entries()) {
    while (waiting.length === 0) await nextTurn();
    for (let turn = 0; turn < 5; turn += 1) await nextTurn();
    expect(written).toEqual(order.slice(0, index + 1));
    waiting.shift()?.();
  }
  await all;
});

it("a result whose messages cannot be stored keeps no earlier one from being stored", async () => {
  const written: unknown[] = [];
  const write = (...statements: readonly Statement[]) => void written.push(...statements.map((one) => one[4]));
  const fails = new Error("The messages cannot be stored.");
  let calls = 0;
  const run = { storing: () => (++calls === 2 ? Promise.reject(fails) : Promise.resolve()) };
  const saver = new Checkpointer({ ...NO_TABLES, write }, () => run);
  const configurable = { thread_id: "t", checkpoint_ns: "", checkpoint_id: "c" };
  const put = (task: string) => saver.putWrites({ configurable }, [["kept", "x"]], task);
  const settled = await Promise.allSettled([put("first"), put("second")]);
  expect(settled[1]).toMatchObject({ status: "rejected", reason: fails });
  expect(written).toEqual(["first"]);
});

it("a wide step stores the results of its tasks in a few writes", async () => {
  const TASKS = 40;
  const State = new StateSchema({ kept: z.string() });
  let writes = 0;
  const counting: Tables = {
    all: (...statement) => database.all(...statement),
    erase: (...statements) => database.erase(...statements),
    write: async (...statements) => {
      const results = statements.filter(([sql]) => sql.startsWith("INSERT INTO checkpoint_writes"));
      if (results.length > 0) writes += 1;
      await nextTurn(); // A server takes its time.
      await database.write(...statements);
    },
  };
  const graph = new StateGraph(State)
    .addNode("begin", () => ({ kept: "a" }))
    .addNode("task", () => ({}))
    .addEdge(START, "begin")
    .addConditionalEdges("begin", () => Array.from({ length: TASKS }, () => new Send("task", {})), ["task"])
    .compile({ checkpointer: new Checkpointer(counting) });
  await graph.invoke({ kept: "" }, { configurable: { thread_id: "wide" }, durability: "sync" });
  const stored = "SELECT count(DISTINCT task_id) AS tasks FROM checkpoint_writes WHERE thread_id = 'wide'";
  expect(Number(database.all(stored)[0]?.tasks)).toBeGreaterThanOrEqual(TASKS);
  expect(writes).toBeLessThan(TASKS / 4);
});
