/** LangGraph's `store`: the engine in SQLite does what LangGraph's own in memory does. */
import { join } from "node:path";
import { InMemoryStore } from "@langchain/langgraph-checkpoint";
import { afterEach, describe, expect, it } from "vitest";
import { Database } from "../../src/store/database.ts";
import { MemoryItems, scopeOf } from "../../src/store/items.ts";
import { TableItems } from "../../src/store/table-items.ts";
import { temporaryFolder } from "../support/folder.ts";
import { itemsContract, scopedItemsContract, tableItemsContract } from "./items-contract.ts";

const folder = temporaryFolder();
let files = 0;
const nextFile = () => join(folder, `${files++}.db`);
const open: Database[] = [];
afterEach(() => {
  for (const database of open.splice(0)) database.close();
});

function database(file = nextFile()): Database {
  const opened = Database.open(file);
  open.push(opened);
  return opened;
}

// The reference: what passes here is LangGraph's own behaviour.
itemsContract("of LangGraph's own", () => ({ of: () => new InMemoryStore() }));
itemsContract("in memory", () => new MemoryItems());
scopedItemsContract("in memory", () => new MemoryItems());
tableItemsContract("in SQLite", () => new TableItems(database()));

describe("the store in SQLite", () => {
  it("is there after the process", async () => {
    const file = nextFile();
    const first = database(file);
    await new TableItems(first).of("a").put(["u"], "k", { n: 1 });
    first.close();
    expect(await new TableItems(database(file)).of("a").get(["u"], "k")).toMatchObject({ value: { n: 1 } });
  });
});

it("a scope belongs to an agent, to a principal at an agent, or to all that share", () => {
  expect(scopeOf({ agent: "a", shared: false })).toBe("a");
  expect(scopeOf({ agent: "a", shared: false, principal: "ann@example.com" })).toBe("a@ann@example.com");
  expect(scopeOf({ agent: "a", shared: true, principal: "ann" })).toBe("@shared");
});
