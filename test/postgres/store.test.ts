/** The store in Postgres: the tests for every engine, and those for several processes. */
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PostgresDatabase } from "../../src/store/postgres/database.ts";
import { POSTGRES_MIGRATIONS } from "../../src/store/postgres/migrations.ts";
import { PostgresStore } from "../../src/store/postgres/store.ts";
import { admit, DONE, end, run, start, storeContract, USER } from "../store/contract.ts";
import { PASSWORD, type PostgresServer, startPostgres } from "../support/postgres.ts";

describe("with a Postgres server", () => {
  let server: PostgresServer;
  beforeAll(async () => {
    server = await startPostgres();
  });
  afterAll(() => server.stop());

  const open = async (url: string, now?: () => number) =>
    new PostgresStore(await PostgresDatabase.open(url), null, now);

  storeContract("the store in Postgres", async (now) => open(await server.database(), now));

  async function query(url: string, sql: string): Promise<pg.QueryResult> {
    const client = new pg.Client(url);
    await client.connect();
    try {
      return await client.query(sql);
    } finally {
      await client.end();
    }
  }

  it("is migrated once by three processes that start together, and refused when it is newer", async () => {
    const url = await server.database();
    const stores = await Promise.all([open(url), open(url), open(url)]);
    expect((await query(url, "SELECT version FROM sluice.schema_version")).rows).toEqual([
      { version: POSTGRES_MIGRATIONS.length },
    ]);
    await Promise.all(stores.map((store) => store.close()));
    await query(url, "UPDATE sluice.schema_version SET version = 999");
    await expect(open(url)).rejects.toThrow(/^it was written by a newer version of Sluice\.$/);
  });

  it("of an older version is migrated once, too, and keeps what it has", async () => {
    const url = await server.database();
    const older = POSTGRES_MIGRATIONS.slice(0, 2);
    await query(
      url,
      `CREATE SCHEMA sluice; SET search_path TO sluice; ${older.join(";")};
       CREATE TABLE schema_version (version integer NOT NULL); INSERT INTO schema_version VALUES (${older.length});
       INSERT INTO threads (thread_id, agent, title, interrupts, created_at, updated_at) VALUES ('t', 'a', '', '[]', 1, 1)`,
    );
    const stores = await Promise.all([open(url), open(url), open(url)]);
    expect((await query(url, "SELECT version FROM sluice.schema_version")).rows).toEqual([
      { version: POSTGRES_MIGRATIONS.length },
    ]);
    expect(await stores[2]?.threadSummary("t")).toMatchObject({ threadId: "t", archived: false });
    await Promise.all(stores.map((store) => store.close()));
  });

  it("says in one line, and without the password, that it cannot be opened", async () => {
    const url = await server.database();
    for (const wrong of [url.replace(PASSWORD, "wrong-secret"), url.replace(/\d+\/test/, "1/test"), `${url}_none`]) {
      const error = (await open(wrong).catch((thrown: unknown) => thrown)) as Error;
      expect(error.message).toMatch(/^the database cannot be opened: .+$/);
      expect(error.message).not.toMatch(/wrong-secret|not-to-be-shown/);
    }
  });

  it("lets one of several processes have a thread, and one of them take a run over", async () => {
    const url = await server.database();
    const [a, b, c] = await Promise.all([open(url), open(url), open(url)]);
    const admitted = await Promise.all([a, b, c].map((store, n) => store.admit(run("t", `r${n}`))));
    const fences = admitted.flatMap((one) => ("fence" in one ? [one.fence] : []));
    expect(fences).toHaveLength(1);
    const [holder] = await b.unfinished();
    if (!holder) throw new Error("Nothing holds the thread.");
    expect(admitted.filter((one) => "inTheWay" in one)).toEqual([{ inTheWay: holder }, { inTheWay: holder }]);
    const taken = await Promise.all([a, b, c].map((store) => store.takeOver(holder)));
    expect(taken.filter((claim) => claim !== undefined)).toHaveLength(1);
    await Promise.all([a.close(), b.close(), c.close()]);
  });

  it("gives a transcript whole while another process replaces it", async () => {
    const url = await server.database();
    const [writer, reader] = await Promise.all([open(url), open(url)]);
    const claim = await start(writer, run("t", "r"), [USER]);
    const said = (content: string) => Array.from({ length: 20 }, (_, n) => ({ ...USER, id: `m${n}`, content }));
    let writing = true;
    const written = (async () => {
      for (let n = 0; n < 30; n += 1) await writer.keepMessages(claim, said(`v${n}`));
      writing = false;
    })();
    while (writing) {
      const { messages = [] } = (await reader.thread("t")) ?? {};
      expect(new Set(messages.map(({ content }) => content)).size).toBe(1);
    }
    await written;
    expect(await end(writer, claim, DONE)).toBe(true);
    await Promise.all([writer.close(), reader.close()]);
  });

  it("gives fences that a log knows no later ones of, in a new database too", async () => {
    const before = Date.now();
    const store = await open(await server.database());
    expect((await admit(store, run("t", "r"))).fence).toBeGreaterThanOrEqual(before);
    await store.close();
  });

  it("says that it cannot be written, and refuses what is asked of it, when it is closed", async () => {
    const store = await open(await server.database());
    expect(await store.writable()).toBe(true);
    await store.close();
    await store.close();
    expect(await store.writable()).toBe(false);
    await expect(store.thread("t")).rejects.toMatchObject({ code: "storage_unavailable" });
  });

  it("forgets the name of a thread with the thread", async () => {
    const store = await open(await server.database());
    const key = await store.claimThread("ann", "mine");
    expect(await store.claimThread("ann", "mine")).toBe(key);
    expect(await store.threadName(key)).toEqual({ owner: "ann", threadId: "mine" });
    await end(store, await start(store, run(key, "r"), [USER]), DONE);
    expect((await store.threads(5, undefined, "ann")).threads).toHaveLength(1);
    expect((await store.threads(5, undefined, "")).threads).toHaveLength(0);
    await store.deletions.erase(key);
    expect(await store.threadKey("ann", "mine")).toBeUndefined();
    await store.close();
  });

  it("gives a ticket to one of those that take it", async () => {
    const url = await server.database();
    const [a, b] = await Promise.all([open(url), open(url)]);
    await a.tickets.keep("digest", "{}", Date.now() + 60_000);
    const taken = await Promise.all([a.tickets.take("digest"), b.tickets.take("digest")]);
    expect(taken.filter((holder) => holder === "{}")).toHaveLength(1);
    await Promise.all([a.close(), b.close()]);
  });
});
