/** Our checkpointer beside LangGraph's own: whatever one does, the other must do. */
import { join } from "node:path";
import { MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { afterAll, describe, expect, it, vi } from "vitest";
import { latestCheckpoint, NO_CHECKPOINT } from "../../src/graph/checkpoints.ts";
import { Checkpointer } from "../../src/store/checkpointer.ts";
import { Database } from "../../src/store/database.ts";
import { temporaryFolder } from "../support/folder.ts";
import { asking, checkpointerContract, keptCheckpointerContract, State } from "./checkpointer-contract.ts";

const folder = temporaryFolder();
const databases: Database[] = [];
afterAll(() => {
  for (const database of databases) database.close();
});

/** A file is open in one process: a process that opens it again has closed it. */
function open(name = `${databases.length}`): Checkpointer {
  const file = join(folder, `${name}.db`);
  for (const database of databases) if (database.file === file) database.close();
  const database = Database.open(file);
  databases.push(database);
  return new Checkpointer(database);
}

checkpointerContract("LangGraph's checkpointer in memory", () => new MemorySaver());
checkpointerContract("the checkpointer in SQLite", open);
keptCheckpointerContract("the checkpointer in SQLite", open);

describe("a real graph on our checkpointer", () => {
  it("names a thread's last checkpoint without reading the state in it", async () => {
    const saver = open();
    const graph = new StateGraph(State)
      .addNode("outer", asking(saver))
      .addEdge(START, "outer")
      .compile({ checkpointer: saver });
    const config = { configurable: { thread_id: "t" } };
    expect(await latestCheckpoint(graph, "t")).toBe(NO_CHECKPOINT);
    await graph.invoke({ log: ["in"] }, config);
    const { config: last } = await graph.getState(config);
    const loads = vi.spyOn(saver.serde, "loadsTyped");
    expect(await latestCheckpoint(graph, "t")).toBe(last.configurable?.checkpoint_id);
    expect(await latestCheckpoint(graph, "u")).toBe(NO_CHECKPOINT);
    expect(loads).not.toHaveBeenCalled();
  });

  it("fails the graph when the disk is full, in words that clients may read", async () => {
    const graph = asking(open());
    const database = databases.at(-1) as Database;
    database.maxPages = 1;
    await expect(
      graph.invoke({ log: ["x".repeat(1_000_000)] }, { configurable: { thread_id: "t" } }),
    ).rejects.toMatchObject({ code: "storage_unavailable" });
    expect(database.writable).toBe(false);
  });
});
