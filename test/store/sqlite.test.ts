import { spawnSync } from "node:child_process";
import { mkdirSync, readdirSync, statSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { Database } from "../../src/store/database.ts";
import { SqliteStore } from "../../src/store/sqlite.ts";
import { temporaryFolder } from "../support/folder.ts";
import { DONE, run, storeContract, USER } from "./contract.ts";

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
    await before.startRun(run("t", "r1"), [USER]);
    await before.endRun("t", "r1", { ...DONE, state: { n: 1 } });
    await before.startRun(run("t", "r2", { input: { kind: "x" } }), DONE.messages);
    const kept = async (store: SqliteStore) => [
      await store.thread("t"),
      await store.runs("t"),
      await store.activeRuns(),
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
    await store.startRun(run("small", "r"), [USER]);
    await store.startRun(run("large", "r"), [large]);
    database.maxPages = 1;
    const before = statSync(file).size;
    expect(await store.deleteThread("large")).toBe(true);
    await store.deleteThread("none");
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
    await store.startRun(run("t", "r1"), [USER]);
    await store.endRun("t", "r1", DONE);
    database.maxPages = 1; // SQLite takes the pages there are for the limit.
    const large = { id: "l", role: "user" as const, content: "x".repeat(1_000_000) };
    await expect(store.startRun(run("t", "r2"), [...DONE.messages, large])).rejects.toMatchObject({
      code: "storage_unavailable",
      status: 503,
      message: "Storage is not available.",
    });
    expect(await store.writable()).toBe(false);
    expect(await store.writable()).toBe(false);
    expect(await store.run("t", "r2")).toBeUndefined();
    expect(await store.thread("t")).toMatchObject({ messages: DONE.messages });
    database.maxPages = 1_000_000;
    expect(await store.writable()).toBe(true);
    await store.startRun(run("t", "r2"), [...DONE.messages, large]);
    expect((await store.thread("t"))?.messages).toHaveLength(3);
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
    expect(complaint(file)).toBe(`${file} is in use by another process. Stop it, or choose another folder.`);
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
