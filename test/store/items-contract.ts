/** The tests for LangGraph's `store`: the behaviour of LangGraph's in-memory store, separately for each scope. */
import { type BaseStore, InMemoryStore } from "@langchain/langgraph-checkpoint";
import { beforeEach, describe, expect, it } from "vitest";
import type { ItemStores } from "../../src/store/items.ts";

/** Gives empty stores. */
type OpenItems = () => Pick<ItemStores, "of"> | Promise<Pick<ItemStores, "of">>;

/** The store of langgraph-checkpoint 1.1 joins namespaces with separators, and the engine in memory is made of it. */
const joins = async () => {
  const store = new InMemoryStore();
  await store.put(["ab"], "k", {});
  return (await store.search(["a"])).length > 0;
};

/** `tables`: the engine is made of ours. */
export function itemsContract(name: string, open: OpenItems, tables = false): void {
  describe(`items ${name}`, () => {
    let store: BaseStore;
    beforeEach(async () => {
      store = (await open()).of("a");
    });

    const keys = async (...search: Parameters<BaseStore["search"]>) =>
      (await store.search(...search)).map(({ key }) => key);

    it("are put, read, replaced and deleted", async () => {
      expect(await store.get(["users", "1"], "name")).toBeNull();
      await store.put(["users", "1"], "name", { first: "Ann", n: [1, null, { x: true }] });
      const item = await store.get(["users", "1"], "name");
      expect(item).toMatchObject({
        namespace: ["users", "1"],
        key: "name",
        value: { first: "Ann", n: [1, null, { x: true }] },
      });
      expect(item?.createdAt).toBeInstanceOf(Date);
      const { createdAt } = item ?? {};
      await store.put(["users", "1"], "name", { first: "Bob" });
      const replaced = await store.get(["users", "1"], "name");
      expect(replaced?.value).toEqual({ first: "Bob" });
      expect(replaced?.createdAt).toEqual(createdAt);
      expect(Number(replaced?.updatedAt)).toBeGreaterThanOrEqual(Number(createdAt));
      await store.delete(["users", "1"], "name");
      await store.delete(["users", "1"], "name");
      expect(await store.get(["users", "1"], "name")).toBeNull();
    });

    it("have namespaces that are no strings with separators", async () => {
      await store.put(["a"], "k", { n: 1 });
      await store.put(["a", "b"], "k", { n: 2 });
      await store.put(["ab"], "k", { n: 3 });
      await store.put(['a","b'], "k", { n: 4 });
      await store.put(["a%", "é\\"], "k", { n: 5 });
      expect((await store.get(["a", "b"], "k"))?.value).toEqual({ n: 2 });
      expect((await store.get(["a%", "é\\"], "k"))?.value).toEqual({ n: 5 });
      if (!tables && (await joins())) return;
      const found = await store.search(["a"]);
      expect(found.map(({ value }) => value.n)).toEqual([1, 2]);
      expect(found[1]?.namespace).toEqual(["a", "b"]);
      expect(await keys(["a%"])).toEqual(["k"]);
      expect(await store.search(["b"])).toEqual([]);
      expect(await store.search([])).toHaveLength(5);
    });

    it("are not put into namespaces that are none", async () => {
      for (const namespace of [[], ["a.b"], [""], ["langgraph", "x"]]) {
        await expect(store.put(namespace, "k", {})).rejects.toThrow("amespace");
      }
      await expect(store.put([7 as unknown as string], "k", {})).rejects.toThrow("amespace");
    });

    it("are found a page at a time, ten at first", async () => {
      for (let n = 0; n < 12; n += 1) await store.put(["p"], `k${n}`, { n });
      expect(await keys(["p"])).toEqual(Array.from({ length: 10 }, (_, n) => `k${n}`));
      expect(await keys(["p"], { limit: 3, offset: 10 })).toEqual(["k10", "k11"]);
      expect(await keys(["p"], { limit: 2, offset: 1, filter: { n: { $gte: 8 } } })).toEqual(["k9", "k10"]);
      expect(await keys(["p"], { limit: 0 })).toEqual([]);
    });

    it.each([
      [{ kind: "x" }, ["a", "c"]],
      [{ kind: "x", n: 3 }, ["c"]],
      [{ kind: { $eq: "y" } }, ["b"]],
      [{ n: { $ne: 2 } }, ["a", "c", "d"]],
      [{ n: { $gt: 1 } }, ["b", "c"]],
      [{ n: { $gte: 1, $lt: 3 } }, ["a", "b"]],
      [{ n: { $lte: 1 } }, ["a"]],
      [{ kind: { $in: ["y", "z"] } }, ["b"]],
      [{ kind: { $nin: ["y"] } }, ["a", "c", "d"]],
      [{ absent: "x" }, []],
      [{ nest: { deep: 1 } }, []],
      [{ n: { $unknown: 1 } }, []],
      [{ n: {} }, ["a", "b", "c", "d"]],
      [{}, ["a", "b", "c", "d"]],
    ])("are found by the filter %j", async (filter, found) => {
      await store.put(["f"], "a", { kind: "x", n: 1 });
      await store.put(["f"], "b", { kind: "y", n: 2 });
      await store.put(["f"], "c", { kind: "x", n: 3 });
      await store.put(["f"], "d", { nest: { deep: 1 } });
      expect(await keys(["f"], { filter })).toEqual(found);
    });

    it.each([
      [{}, ["docs", "docs/a", "docs/a/v1", "users/1/v1", "users/2"]],
      [{ prefix: ["docs"] }, ["docs", "docs/a", "docs/a/v1"]],
      [{ prefix: ["*", "a"] }, ["docs/a", "docs/a/v1"]],
      [{ suffix: ["v1"] }, ["docs/a/v1", "users/1/v1"]],
      [{ suffix: ["*", "v1"], prefix: ["users"] }, ["users/1/v1"]],
      [{ maxDepth: 1 }, ["docs", "users"]],
      [{ maxDepth: 2 }, ["docs", "docs/a", "users/1", "users/2"]],
      [{ suffix: ["v1"], maxDepth: 1 }, ["docs", "users"]],
      [{ limit: 2, offset: 1 }, ["docs/a", "docs/a/v1"]],
      [{ prefix: ["nothing"] }, []],
    ])("list their namespaces: %j", async (options, listed) => {
      for (const path of ["users/2", "docs/a/v1", "docs", "users/1/v1", "docs/a"]) {
        await store.put(path.split("/"), "k", {});
        await store.put(path.split("/"), "l", {});
      }
      expect((await store.listNamespaces(options)).map((path) => path.join("/"))).toEqual(listed);
    });

    it("are read and written in one batch: it answers in order, reads come before writes, the last write holds", async () => {
      await store.put(["b"], "k", { n: 1 });
      const results = await store.batch([
        { namespace: ["b"], key: "k", value: { n: 2 } },
        { namespace: ["b"], key: "k" },
        { namespace: ["b"], key: "new", value: { n: 7 } },
        { namespacePrefix: ["b"], limit: 5, offset: 0 },
        { namespace: ["b"], key: "k", value: { n: 3 } },
        { matchConditions: [{ matchType: "prefix", path: ["b"] }], limit: 5, offset: 0 },
        { namespace: ["b"], key: "gone" },
        { namespace: ["b"], key: "new", value: null },
      ]);
      const plain = JSON.parse(JSON.stringify(results, ["n", "value", "key"])) as unknown[];
      expect(results[0]).toBeNull();
      expect(plain[1]).toMatchObject({ key: "k" });
      expect(plain[3]).toHaveLength(1);
      expect(results[5]).toEqual([["b"]]);
      expect(results[6]).toBeNull();
      expect((await store.get(["b"], "k"))?.value).toEqual({ n: 3 });
      expect(await store.get(["b"], "new")).toBeNull();
    });
  });
}

/** Tests for Sluice's engines only, because LangGraph's store has no scopes. */
export function scopedItemsContract(name: string, open: OpenItems): void {
  describe(`the stores ${name}`, () => {
    it("show each scope its own items, in a search, a list and a batch", async () => {
      const stores = await open();
      const [a, ab] = [stores.of("a"), stores.of("a@b")];
      await ab.put(["b"], "k", { whose: "b" });
      await a.put(["own"], "k", { whose: "a" });
      expect(await a.search([])).toHaveLength(1);
      expect(await a.listNamespaces({})).toEqual([["own"]]);
      const read = { namespace: ["b"], key: "k" };
      expect(await a.batch([read, { namespacePrefix: ["b"] }, { limit: 9, offset: 0, matchConditions: [] }])).toEqual([
        null,
        [],
        [["own"]],
      ]);
      await a.delete(["b"], "k");
      expect((await stores.of("a@b").get(["b"], "k"))?.value).toEqual({ whose: "b" });
    });

    it("say that they search by no meaning", async () => {
      const store = (await open()).of("a");
      await expect(store.search(["b"], { query: "what she likes" })).rejects.toThrow("no vector index");
    });
  });
}

/** Holds for engines on tables. */
export function tableItemsContract(name: string, open: OpenItems): void {
  itemsContract(name, open, true);
  scopedItemsContract(name, open);

  it(`items ${name} are written in one batch, or not at all`, async () => {
    const store = (await open()).of("a");
    const value: Record<string, unknown> = {};
    value.self = value;
    const put = [
      { namespace: ["u"], key: "k", value: { n: 1 } },
      { namespace: ["u"], key: "l", value },
    ];
    await expect(store.batch(put)).rejects.toThrow("circular");
    expect(await store.search([])).toEqual([]);
  });
}
