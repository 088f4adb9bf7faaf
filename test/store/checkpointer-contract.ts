/** The tests for a checkpointer: the behaviour of LangGraph's in-memory one, and LangGraph's validation suite. */
import { HumanMessage } from "@langchain/core/messages";
import { Annotation, Command, END, interrupt, START, StateGraph } from "@langchain/langgraph";
import {
  type BaseCheckpointSaver,
  type CheckpointTuple,
  emptyCheckpoint,
  INTERRUPT,
  TASKS,
  uuid6,
} from "@langchain/langgraph-checkpoint";
import { deltaChannelHistoryTests, specTest } from "@langchain/langgraph-checkpoint-validation";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { NO_CHECKPOINT } from "../../src/graph/checkpoints.ts";

/** Opens an empty checkpointer. With a name, it opens the data stored under that name, as another process would. */
export type OpenCheckpointer = (name?: string) => BaseCheckpointSaver | Promise<BaseCheckpointSaver>;

const NOTED = { source: "loop" as const, step: 0, parents: {} };

function checkpoint(step: number, values: Record<string, unknown> = {}) {
  return { ...emptyCheckpoint(), id: uuid6(step), channel_values: values };
}

function thread(id: string, namespace = "", checkpointId?: string) {
  const chosen = checkpointId === undefined ? {} : { checkpoint_id: checkpointId };
  return { configurable: { thread_id: id, checkpoint_ns: namespace, ...chosen } };
}

async function all(tuples: AsyncIterable<CheckpointTuple>): Promise<string[]> {
  const ids: string[] = [];
  for await (const tuple of tuples) ids.push(tuple.checkpoint.id);
  return ids;
}

export function checkpointerContract(name: string, open: OpenCheckpointer): void {
  langGraphsSuite(name, open);

  describe(name, () => {
    it("gives back what was put, the last by default, with the parent's place", async () => {
      const saver = await open();
      expect(await saver.getTuple(thread("t"))).toBeUndefined();
      const message = new HumanMessage({ id: "h", content: "hi 😀" });
      const first = checkpoint(0, { messages: [message], bytes: new Uint8Array([0, 255]), map: new Map([["k", 1]]) });
      const second = checkpoint(1);
      const at = await saver.put(thread("t"), first, { ...NOTED, source: "input" }, {});
      expect(at).toEqual(thread("t", "", first.id));
      await saver.put(at, second, NOTED, {});
      expect(await saver.getTuple(thread("t"))).toEqual({
        config: thread("t", "", second.id),
        checkpoint: second,
        metadata: NOTED,
        parentConfig: thread("t", "", first.id),
        pendingWrites: [],
      });
      const found = await saver.getTuple(at);
      expect(found?.config).toBe(at);
      expect(found?.parentConfig).toBeUndefined();
      expect(found?.metadata?.source).toBe("input");
      expect(found?.checkpoint.channel_values.messages).toEqual([message]);
      expect(found?.checkpoint.channel_values.map).toEqual(new Map([["k", 1]]));
      expect(found?.checkpoint.channel_values.bytes).toEqual(new Uint8Array([0, 255]));
      expect(await saver.getTuple(thread("t", "", NO_CHECKPOINT))).toBeUndefined();
      expect(await saver.getTuple(thread("u"))).toBeUndefined();
    });

    it("keeps the first of a task's results, and the last of what is said of the task, in order", async () => {
      const saver = await open();
      const at = await saver.put(thread("t"), checkpoint(0), NOTED, {});
      await saver.putWrites(
        at,
        [
          [INTERRUPT, "old"],
          ["a", 1],
          ["b", undefined],
        ],
        "task1",
      );
      await saver.putWrites(
        at,
        [
          [INTERRUPT, "new"],
          ["a", 2],
          ["c", { n: 3 }],
        ],
        "task1",
      );
      await saver.putWrites(at, [["a", 4]], "task2");
      expect((await saver.getTuple(at))?.pendingWrites).toEqual([
        ["task1", INTERRUPT, "new"],
        ["task1", "a", 1],
        ["task1", "b", undefined],
        ["task2", "a", 4],
      ]);
      await saver.putWrites(thread("t", "", uuid6(9)), [["z", 1]], "task1");
      expect((await saver.getTuple(at))?.pendingWrites).toHaveLength(4);
    });

    it("keeps namespaces and threads apart, and forgets one thread whole", async () => {
      const saver = await open();
      const ids = [];
      for (const [step, place] of [thread("t"), thread("t", "node:1"), thread("u")].entries()) {
        const at = await saver.put(place, checkpoint(step, { step }), NOTED, {});
        await saver.putWrites(at, [["a", step]], "task");
        ids.push(at);
        expect((await saver.getTuple(place))?.checkpoint.channel_values).toEqual({ step });
      }
      await saver.deleteThread("t");
      for (const gone of ids.slice(0, 2)) expect(await saver.getTuple(gone)).toBeUndefined();
      expect((await saver.getTuple(thread("u")))?.pendingWrites).toEqual([["task", "a", 2]]);
      await saver.put(thread("t"), { ...checkpoint(0), id: ids[0]?.configurable?.checkpoint_id }, NOTED, {});
      expect((await saver.getTuple(thread("t")))?.pendingWrites).toEqual([]);
    });

    it("lists the newest first, by thread, namespace, place and metadata, and no more than asked for", async () => {
      const saver = await open();
      const made = [0, 1, 2, 3].map((step) => checkpoint(step));
      const ids = made.map(({ id }) => id);
      for (const [step, each] of made.entries()) {
        await saver.put(thread("t"), each, { ...NOTED, step, source: step === 0 ? "input" : "loop" }, {});
      }
      const inner = checkpoint(4);
      await saver.put(thread("t", "inner"), inner, NOTED, {});
      await saver.put(thread("u"), checkpoint(5), NOTED, {});
      const newest = [...ids].reverse();
      expect(await all(saver.list(thread("t")))).toEqual(newest);
      expect(await all(saver.list(thread("t", "inner")))).toEqual([inner.id]);
      expect((await all(saver.list({ configurable: { thread_id: "t" } }))).sort()).toEqual([...ids, inner.id].sort());
      expect(await all(saver.list({ configurable: {} }))).toHaveLength(6);
      expect(await all(saver.list(thread("t"), { limit: 2 }))).toEqual(newest.slice(0, 2));
      expect(await all(saver.list(thread("t"), { limit: 0 }))).toEqual([]);
      expect(await all(saver.list(thread("t"), { before: thread("t", "", ids[2]) }))).toEqual([ids[1], ids[0]]);
      expect(await all(saver.list(thread("t"), { filter: { source: "loop" }, limit: 2 }))).toEqual(newest.slice(0, 2));
      expect(await all(saver.list(thread("t"), { filter: { source: "loop", step: 1 } }))).toEqual([ids[1]]);
      expect(await all(saver.list(thread("t", "", ids[1])))).toEqual([ids[1]]);
      expect(await all(saver.list(thread("none")))).toEqual([]);
    });

    it("adopts what a step of an older format had sent", async () => {
      const saver = await open();
      const at = await saver.put(thread("t"), { ...checkpoint(0), v: 1 }, NOTED, {});
      await saver.putWrites(
        at,
        [
          [TASKS, "one"],
          [TASKS, "two"],
          ["a", 1],
        ],
        "task",
      );
      await saver.put(at, { ...checkpoint(1), v: 1, channel_versions: { a: 3 } }, NOTED, {});
      const adopted = (await saver.getTuple(thread("t")))?.checkpoint;
      expect(adopted?.channel_values[TASKS]).toEqual(["one", "two"]);
      expect(adopted?.channel_versions[TASKS]).toBe(3);
    });

    it("needs a thread to put something into", async () => {
      const saver = await open();
      await expect(saver.put({ configurable: {} }, checkpoint(0), NOTED, {})).rejects.toThrow("thread_id");
      await expect(saver.putWrites(thread("t"), [["a", 1]], "task")).rejects.toThrow("checkpoint_id");
    });
  });
}

/** For engines that keep everything: what other processes may expect of one. */
export function keptCheckpointerContract(name: string, open: OpenCheckpointer): void {
  describe(`${name}, which keeps everything`, () => {
    it("gives a step's writes back by task path, task and index, whatever order they were written in", async () => {
      const saver = await open();
      const at = await saver.put(thread("t"), checkpoint(0), NOTED, {});
      const written: readonly [string, string, string?][] = [
        ["from 😀", "t1", "push:😀"],
        ["from \uff5e", "t2", "push:\uff5e"],
        ["b", "t3", "pull:b"],
        ["a2", "t5", "pull:a"],
        ["a1", "t4", "pull:a"],
        ["input", "t9"],
      ];
      for (const [value, task, path] of written) await saver.putWrites(at, [["c", value]], task, path);
      const values = (await saver.getTuple(at))?.pendingWrites?.map(([, , value]) => value);
      expect(values).toEqual(["input", "a1", "a2", "b", "from \uff5e", "from 😀"]);
    });

    it("goes on after an interrupt inside another graph, in another process's hands", async () => {
      const config = { configurable: { thread_id: "t" } };
      const waiting = await asking(await open("interrupted")).invoke({ log: ["in"] }, config);
      expect(waiting).toMatchObject({ log: ["in", "a"], __interrupt__: [{ value: "Go on?" }] });
      const graph = asking(await open("interrupted"));
      expect((await graph.getState(config, { subgraphs: true })).next).toEqual(["inner"]);
      const done = await graph.invoke(new Command({ resume: "yes" }), config);
      expect(done.log).toEqual(["in", "a", "before", "answer yes", "c"]);
    });

    it("goes back to an earlier checkpoint, and to before the first", async () => {
      const graph = new StateGraph(State)
        .addNode("echo", ({ log }) => ({ log: [`echo ${log.at(-1)}`] }))
        .addEdge(START, "echo")
        .compile({ checkpointer: await open() });
      const at = (checkpoint_id?: string) => ({
        configurable: { thread_id: "t", ...(checkpoint_id ? { checkpoint_id } : {}) },
      });
      await graph.invoke({ log: ["one"] }, at());
      const afterOne = (await graph.getState(at())).config.configurable?.checkpoint_id as string;
      await graph.invoke({ log: ["two"] }, at());
      expect((await graph.invoke({ log: ["other"] }, at(afterOne))).log).toEqual([
        "one",
        "echo one",
        "other",
        "echo other",
      ]);
      expect((await graph.getState(at())).values.log).toEqual(["one", "echo one", "other", "echo other"]);
      expect((await graph.invoke({ log: ["new"] }, at(NO_CHECKPOINT))).log).toEqual(["new", "echo new"]);
      expect((await graph.getState(at())).values.log).toEqual(["new", "echo new"]);
      const history = [];
      for await (const state of graph.getStateHistory(at(), { limit: 3 })) history.push(state.values.log.length);
      expect(history).toEqual([2, 1, 0]);
    });
  });
}

/** The suite takes Vitest's functions from the globals. */
function langGraphsSuite(name: string, open: OpenCheckpointer): void {
  Object.assign(globalThis, { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it });
  const createCheckpointer = () => open();
  describe(`LangGraph's suite for ${name}`, () => {
    // Under this name it leaves one case out: LangGraph's savers in memory and in SQLite keep whole states too, and no
    // single channels.
    specTest({ checkpointerName: "MemorySaver", createCheckpointer });
    deltaChannelHistoryTests({ checkpointerName: "MemorySaver", createCheckpointer });
  });
}

export const State = Annotation.Root({
  log: Annotation<string[]>({ reducer: (a, b) => [...a, ...b], default: () => [] }),
});
export const says = (text: string) => () => ({ log: [text] });

/** A graph that sends "a", asks in a subgraph, and sends "c". */
export function asking(checkpointer: BaseCheckpointSaver) {
  const inner = new StateGraph(State)
    .addNode("before", says("before"))
    .addNode("ask", () => ({ log: [`answer ${interrupt("Go on?") as string}`] }))
    .addEdge(START, "before")
    .addEdge("before", "ask")
    .compile();
  return new StateGraph(State)
    .addNode("a", says("a"))
    .addNode("inner", async (_state, config) => ({ log: (await inner.invoke({ log: [] }, config)).log }))
    .addNode("c", says("c"))
    .addEdge(START, "a")
    .addEdge("a", "inner")
    .addEdge("inner", "c")
    .addEdge("c", END)
    .compile({ checkpointer });
}
