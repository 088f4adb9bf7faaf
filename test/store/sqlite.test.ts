import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Database } from "../../src/store/database.ts";
import { MIGRATIONS } from "../../src/store/migrations.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { temporaryFolder } from "../support/folder.ts";
import { admit, DONE, end, run, start, storeContract, USER } from "./contract.ts";

const folder = temporaryFolder();
let files = 0;

function newFile(): string {
  files += 1;
  return join(folder, `${files}`, "sluice.db");
}

storeContract("the store in SQLite", (now) => new SqliteStore(Database.open(newFile()), now));

describe("the store in SQLite", () => {
  it("has everything again after it was closed, in one file", async () => {
    const file = newFile();
    const before = new SqliteStore(Database.open(file));
    await end(before, await start(before, run("t", "r1"), [USER]), { ...DONE, state: { n: 1 } });
    await start(before, run("t", "r2", { input: { kind: "x" } }), DONE.messages);
    const kept = async (store: SqliteStore) => [
      await store.thread("t"),
      await store.runs("t"),
      await store.unfinished(),
      await store.threads(10),
    ];
    const was = await kept(before);
    await before.close();
    await before.close();
    expect(readdirSync(join(file, ".."))).toEqual(["sluice.db"]);
    const after = new SqliteStore(Database.open(file));
    expect(await kept(after)).toEqual(was);
    await after.close();
  });

  it("refuses what is asked of it when it is closed", async () => {
    const store = new SqliteStore(Database.open(newFile()));
    await store.close();
    await expect(store.thread("t")).rejects.toMatchObject({ code: "storage_unavailable" });
    expect(await store.writable()).toBe(false);
  });

  it("gives the space of a deleted thread back, on a full disk too", async () => {
    const file = newFile();
    const database = Database.open(file);
    const store = new SqliteStore(database);
    const large = { ...USER, content: "x".repeat(4_000_000) };
    await start(store, run("small", "r"), [USER]);
    await start(store, run("large", "r"), [large]);
    database.maxPages = 1;
    const before = statSync(file).size;
    await store.deletions.erase("large");
    await store.deletions.erase("none");
    expect(statSync(file).size).toBeLessThan(before - 3_000_000);
    expect((await store.thread("small"))?.messages).toEqual([USER]);
    await store.close();
  });

  it("of an earlier version learns to give space back", async () => {
    const file = newFile();
    mkdirSync(join(file, ".."), { recursive: true });
    const Sqlite = createRequire(import.meta.url)("libsql") as new (
      file: string,
    ) => { exec(sql: string): void; close(): void };
    const early = new Sqlite(file);
    early.exec("CREATE TABLE something (a)");
    early.close();
    const database = Database.open(file);
    expect(database.one("PRAGMA auto_vacuum")).toEqual({ auto_vacuum: 2 });
    database.close();
  });

  it("is not available while the disk is full, and is again when it is not; nothing is half written", async () => {
    const database = Database.open(newFile());
    const store = new SqliteStore(database);
    await end(store, await start(store, run("t", "r1"), [USER]), DONE);
    database.maxPages = 1; // SQLite uses the current number of pages as the limit.
    const large = { id: "l", role: "user" as const, content: "x".repeat(1_000_000) };
    const claim = await admit(store, run("t", "r2"));
    const { from, checkpointBefore } = run("t", "r2");
    const begin = () => store.begin(claim, { from, checkpointBefore }, [...DONE.messages, large]);
    await expect(begin()).rejects.toMatchObject({
      code: "storage_unavailable",
      status: 503,
      message: "Storage is not available.",
    });
    expect(await store.writable()).toBe(false);
    expect(await store.writable()).toBe(false);
    expect(await store.run("t", "r2")).toMatchObject({ status: "admitted" });
    expect(await store.thread("t")).toMatchObject({ messages: DONE.messages });
    database.maxPages = 1_000_000;
    expect(await store.writable()).toBe(true);
    expect(await begin()).toBe(true);
    expect((await store.thread("t"))?.messages).toHaveLength(3);
    await store.close();
  });
});

describe("a database file of the version before claims", () => {
  it("keeps its runs; of two that seem active on a thread, the earlier one has failed", async () => {
    const file = newFile();
    mkdirSync(join(file, ".."), { recursive: true });
    const Sqlite = createRequire(import.meta.url)("libsql") as new (
      file: string,
    ) => { exec(sql: string): void; close(): void };
    const earlier = new Sqlite(file);
    const BEFORE_CLAIMS = 4;
    for (const step of MIGRATIONS.slice(0, BEFORE_CLAIMS)) earlier.exec(step);
    const insert = `INSERT INTO runs (thread_id, run_id, agent, body_hash, status, from_epoch, from_offset, started_at,
      checkpoint_before, begins_after, input, terminal) VALUES`;
    earlier.exec(`
      INSERT INTO threads (thread_id, agent, title, interrupts, ended_run, created_at, updated_at)
        VALUES ('t', 'a', 'hi', '[]', 'r1', 1, 1);
      INSERT INTO messages VALUES ('t', 0, '${JSON.stringify(USER)}');
      ${insert} ('t', 'r1', 'a', 'hash', 'done', 'e', 0, 1, 'none', NULL, NULL, '${JSON.stringify(DONE.closing[0])}');
      ${insert} ('t', 'r2', 'a', 'hash', 'active', 'e', 3, 1, 'none', 'u', '{}', NULL);
      ${insert} ('t', 'r3', 'a', 'hash', 'active', 'e', 5, 1, 'c', 'u', '{"n":1}', NULL);
      PRAGMA user_version = ${BEFORE_CLAIMS}`);
    earlier.close();
    const store = new SqliteStore(Database.open(file));
    const last = run("t", "r3", {
      fence: 0,
      from: { epoch: "e", offset: 5 },
      beginsAfter: "u",
      checkpointBefore: "c",
      input: { n: 1 },
    });
    expect(await store.runs("t")).toEqual([
      run("t", "r1", { fence: 0, status: "done" }),
      run("t", "r2", { fence: 0, status: "failed", from: { epoch: "e", offset: 3 }, beginsAfter: "u" }),
      last,
    ]);
    expect(await store.unfinished()).toEqual([last]);
    expect(await store.thread("t")).toMatchObject({ messages: [USER], ending: { runId: "r1" } });
    const claim = await store.takeOver(last);
    expect(claim?.fence).toBeGreaterThan(0);
    if (claim) expect(await end(store, claim, DONE)).toBe(true);
    await start(store, run("t", "r4"), [USER]);
    await store.close();
  });
});

describe("a database file", () => {
  function complaint(file: string): string {
    try {
      Database.open(file).close();
    } catch (error) {
      return (error as Error).message;
    }
    return "none";
  }

  it("that another process has is refused in one line that names it", () => {
    const file = newFile();
    const holder = Database.open(file);
    const libsql = createRequire(import.meta.url).resolve("libsql");
    const ask = `const D = require(${JSON.stringify(libsql)}); new D(${JSON.stringify(file)}).prepare("SELECT * FROM threads").all()`;
    const outside = () => spawnSync(process.execPath, ["-e", ask], { encoding: "utf8" }).stderr;
    expect(outside()).toContain("SQLITE_BUSY");
    // Only Linux lists the processes that hold locks.
    const owner = process.platform === "linux" ? `process ${process.pid}` : "another process";
    expect(complaint(file)).toBe(`${file} is in use by ${owner}. Stop it, or choose another folder.`);
    holder.close();
    expect(outside()).toBe("");
    expect(complaint(file)).toBe("none");
  });

  it("that is none is refused, and left as it is", () => {
    const file = join(folder, "text.db");
    writeFileSync(file, "This is a letter, not a database. ".repeat(100));
    expect(complaint(file)).toBe(`${file} is damaged, or no SQLite database.`);
  });

  it("that cannot be made is refused", () => {
    writeFileSync(join(folder, "in-the-way"), "");
    mkdirSync(join(folder, "taken", "sluice.db"), { recursive: true });
    expect(complaint(join(folder, "in-the-way", "sluice.db"))).toMatch(
      /sluice\.db cannot be opened: E(NOTDIR|EXIST).*$/,
    );
    expect(complaint(join(folder, "taken", "sluice.db"))).toMatch(/cannot be opened: no file can be made there\.$/);
  });

  it("of a newer version is refused", () => {
    const file = newFile();
    const database = Database.open(file);
    database.all("PRAGMA user_version = 99");
    database.close();
    expect(complaint(file)).toBe(`${file} was written by a newer version of Sluice.`);
  });
});
