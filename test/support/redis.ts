/** Starts a Redis server for a test, on a free port, without files on disk. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { freePort } from "./free-port.ts";

export interface RedisServer {
  readonly url: string;
  readonly port: number;
  /** Ends the server at once, like a crash. */
  kill(): Promise<void>;
  /** Starts it again on the same port, empty. */
  start(): Promise<void>;
  /** Halts its process; `resume` continues it. */
  pause(): void;
  resume(): void;
}

const BINARY = (process.env.PATH ?? "")
  .split(delimiter)
  .map((folder) => join(folder, "redis-server"))
  .find((path) => existsSync(path));

export async function startRedis(): Promise<RedisServer> {
  if (!BINARY) throw new Error("These tests need redis-server (Debian: apt-get install redis-server).");
  const binary = BINARY;
  const port = await freePort();
  let child: ChildProcess;
  const start = async () => {
    // A replica writes no files either.
    const replication = { "repl-diskless-sync-delay": 0, "repl-diskless-load": "on-empty-db" };
    const settings = { port, bind: "127.0.0.1", save: "", appendonly: "no", ...replication };
    const args = Object.entries(settings).flatMap(([name, value]) => [`--${name}`, String(value)]);
    child = spawn(binary, args, {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let out = "";
    for await (const chunk of child.stdout ?? []) {
      out += String(chunk);
      if (out.includes("Ready to accept connections")) break;
    }
    if (child.exitCode !== null) throw new Error(`redis-server ended: ${out}`);
  };
  await start();
  return {
    url: `redis://127.0.0.1:${port}`,
    port,
    start,
    async kill() {
      const ended = once(child, "exit");
      child.kill("SIGCONT");
      child.kill("SIGKILL");
      await ended;
    },
    pause: () => void child.kill("SIGSTOP"),
    resume: () => void child.kill("SIGCONT"),
  };
}
