/** A server of our own for one check: the demo model, a free port, nothing of the user's settings files. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

export interface OwnServer {
  readonly url: string;
  stop(): Promise<void>;
}

const START_MS = 30_000;
const SETTINGS = { HOST: "127.0.0.1", PORT: "0", MODEL: "demo", LOG_LEVEL: "fatal", DRAIN_SECONDS: "0.5" };

/** Starts it from the sources. Rejects with what it said when it does not come up. */
export async function startServer(): Promise<OwnServer> {
  // A folder without .env and data: a server that runs beside this one keeps both to itself.
  const cwd = mkdtempSync(join(tmpdir(), "sluice-"));
  const main = fileURLToPath(new URL("../../src/main.ts", import.meta.url));
  const child = spawn(process.execPath, ["--import", import.meta.resolve("tsx"), main, "serve"], {
    cwd,
    env: { ...process.env, ...SETTINGS },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const stop = async () => {
    await ended(child);
    rmSync(cwd, { recursive: true, force: true });
  };
  try {
    return { url: await greeted(child), stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The address in the server's greeting. */
function greeted(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    const hear = (text: Buffer) => {
      said += text.toString();
      const url = /\bon (http:\/\/\S+)/.exec(said)?.[1];
      if (url) done(() => resolve(url));
    };
    const done = (settle: () => void) => {
      clearTimeout(timer);
      settle();
    };
    const failed = (why: string) => done(() => reject(new Error(`The server did not start: ${why} ${said}`.trim())));
    const timer = setTimeout(() => failed(`nothing came within ${START_MS / 1_000} s.`), START_MS);
    child.stdout?.on("data", hear);
    child.stderr?.on("data", hear);
    child.once("error", (error) => failed(error.message));
    child.once("exit", (code) => failed(`it ended with ${code}.`));
  });
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill("SIGKILL"), 5_000);
    child.once("exit", () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill("SIGTERM");
  });
}
