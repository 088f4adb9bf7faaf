/**
 * A process is killed in the middle of a deletion, and the next one finishes it. Old threads are deleted automatically.
 */
import { join } from "node:path";
import { afterAll, describe, expect, it } from "vitest";
import { Database } from "../../src/store/database.ts";
import { killRest, serve } from "../support/child.ts";
import { DIES, deadlyProject, GRAPHS, KEEPS, talk } from "../support/deadly.ts";
import { temporaryFolder } from "../support/folder.ts";

afterAll(killRest);
const folder = temporaryFolder();

/** The number of rows about a thread, or about any. */
function rows(DATA_DIR: string, threadId?: string): number[] {
  const database = Database.open(join(DATA_DIR, "sluice.db"));
  const where = threadId === undefined ? "" : "WHERE thread_id = ?";
  const values = threadId === undefined ? [] : [threadId];
  const counts = KEEPS.map((table) =>
    Number(database.one(`SELECT count(*) AS rows FROM ${table} ${where}`, ...values)?.rows),
  );
  database.close();
  return counts;
}

const NONE = KEEPS.map(() => 0);

describe("a server with its threads in sluice.db", () => {
  it("finishes a deletion that its process did not survive, before it serves again", async () => {
    await using place = await deadlyProject();
    const where = { DATA_DIR: join(folder, "killed") };
    const first = await serve({ ...where, ...DIES }, GRAPHS, place.path);
    const threadId = await talk(first.url);
    const other = await talk(first.url);
    const deletion = fetch(`${first.url}/threads/${threadId}`, { method: "DELETE" });
    await expect(deletion).rejects.toThrow();
    await first.kill();
    expect(rows(where.DATA_DIR, threadId)).not.toEqual(NONE);

    const second = await serve(where, GRAPHS, place.path);
    expect((await fetch(`${second.url}/threads/${threadId}`)).status).toBe(404);
    expect((await fetch(`${second.url}/threads/${other}`)).status).toBe(200);
    expect(await second.stop()).toMatchObject({ code: 0, stderr: "" });
    expect(rows(where.DATA_DIR, threadId)).toEqual(NONE);
  });

  it("deletes threads that nobody used for THREAD_RETENTION_DAYS as it starts, and none without it", async () => {
    await using place = await deadlyProject();
    const where = { DATA_DIR: join(folder, "old") };
    const first = await serve(where, GRAPHS, place.path);
    for (let n = 0; n < 3; n += 1) await talk(first.url);
    await first.stop();
    const kept = rows(where.DATA_DIR);
    const second = await serve({ ...where, THREAD_RETENTION_DAYS: "1" }, GRAPHS, place.path);
    await second.stop();
    expect(rows(where.DATA_DIR)).toEqual(kept);

    const third = await serve({ ...where, THREAD_RETENTION_DAYS: "0.0000001" }, GRAPHS, place.path);
    const listed = async () => ((await (await fetch(`${third.url}/threads`)).json()) as { threads: object[] }).threads;
    await expect.poll(listed).toEqual([]);
    await third.stop();
    expect(rows(where.DATA_DIR)).toEqual(NONE);
  });
});
