/** Runs the built server as a separate process, as people do. `npm test` builds it. */
import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { sourceFor } from "./stream-source.ts";

const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export interface Exit {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ServerProcess {
  /** Such as `http://127.0.0.1:8123`. */
  readonly url: string;
  readonly pid: number | undefined;
  /** Its output until it was ready. */
  readonly greeting: string;
  /** Stops it with SIGTERM, as an operator does, and waits for its end. */
  stop(): Promise<Exit>;
  /** Ends it at once, like a crash, and waits for its end. */
  kill(): Promise<Exit>;
  /** Sends a signal, such as SIGSTOP or SIGCONT. */
  signal(name: NodeJS.Signals): void;
}

/** Runs `sluice ...args` to its end. Of this process's environment it gets only `PATH`. */
export async function sluice(args: string[], env: Record<string, string> = {}, cwd = tmpdir()): Promise<Exit> {
  return exitOf(start(args, env, cwd));
}

export interface Launched {
  /** Resolves with its stdout so far when that matches. Rejects if the process ends first. */
  printed(pattern: RegExp): Promise<string>;
  signal(name: NodeJS.Signals): void;
  readonly exit: Promise<Exit>;
}

/** Starts `sluice ...args` with `input` on stdin, and returns the running process. */
export function launch(
  args: string[],
  {
    env = {},
    cwd = tmpdir(),
    input = "",
    outsideRejections = false,
  }: { env?: Record<string, string>; cwd?: string; input?: string; outsideRejections?: boolean } = {},
): Launched {
  const child = start(args, { ...QUICK_DEMO, ...env }, cwd, "pipe");
  const exit = exitOf(child, outsideRejections);
  child.stdin?.on("error", () => {}); // The process need not read its input.
  child.stdin?.end(input);
  return {
    printed: (pattern) => Promise.race([printed(child, pattern), endedEarly(exit)]),
    signal: (name) => child.kill(name),
    exit,
  };
}

/** Starts `sluice serve ...graphs` on a free port. Rejects if it ends before it listens. */
export async function serve(
  env: Record<string, string> = {},
  graphs: string[] = [],
  cwd = tmpdir(),
): Promise<ServerProcess> {
  const child = start(["serve", ...graphs], { PORT: "0", LOG_LEVEL: "error", ...QUICK_DEMO, ...env }, cwd);
  const exited = exitOf(child);
  const greeting = await Promise.race([printed(child, /\n {2}curl .*\n\n$/), endedEarly(exited)]);
  const [url] = /http:\/\/\S+/.exec(greeting) ?? [];
  if (!url) throw new Error(`no address in: ${greeting}`);
  return {
    url,
    pid: child.pid,
    greeting,
    stop() {
      child.kill("SIGTERM");
      return exited;
    },
    kill() {
      child.kill("SIGKILL");
      return exited;
    },
    signal: (name) => void child.kill(name),
  };
}

export interface DevProcess {
  /** Such as `http://127.0.0.1:8123`. */
  readonly url: string;
  /** Resolves when it has printed this after the last match. Rejects with its output if it ends first. */
  said(pattern: RegExp): Promise<void>;
  stop(): Promise<Exit>;
  kill(): Promise<Exit>;
}

/** Starts `sluice dev ...args` on a free port, and waits until it serves. */
export async function dev(args: string[], cwd: string, env: Record<string, string> = {}): Promise<DevProcess> {
  const child = start(["dev", ...args], { PORT: "0", LOG_LEVEL: "silent", ...env }, cwd);
  const exited = exitOf(child);
  let text = "";
  let look = () => {};
  for (const output of [child.stdout, child.stderr]) {
    output?.on("data", (chunk: Buffer) => {
      text += chunk.toString();
      look();
    });
  }
  const said = (pattern: RegExp) =>
    new Promise<void>((resolve, reject) => {
      look = () => {
        const { index, 0: found } = pattern.exec(text) ?? { index: 0 };
        if (found === undefined) return;
        text = text.slice(index + found.length);
        look = () => {};
        resolve();
      };
      void exited.then(({ code }) => reject(new Error(`exited with ${code} and said: ${text}`)));
      look();
    });
  let url = "";
  await said(/(?=on http:)/);
  [, url = ""] = /on (http:\S+)/.exec(text) ?? [];
  await said(SERVES);
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return exited;
  };
  return { url, said, stop: () => end("SIGTERM"), kill: () => end("SIGKILL") };
}

/** The end of the greeting. */
export const SERVES = /\n {2}curl .*\n\n/;

const QUICK_DEMO = { DEMO_FIRST_TOKEN_MS: "0", DEMO_TOKENS_PER_SECOND: "0", DRAIN_SECONDS: "0.2" };

/**
 * Makes a person's project folder with files and installed packages. It is ESM, unless the files include a
 * package.json.
 */
export async function project(
  files: Record<string, string>,
): Promise<{ path: string; [Symbol.asyncDispose](): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "sluice-"));
  await symlink(join(ROOT, "node_modules"), join(path, "node_modules"), "junction");
  await writeFile(join(path, "package.json"), '{ "type": "module" }');
  for (const [name, text] of Object.entries(files)) {
    await mkdir(dirname(join(path, name)), { recursive: true });
    await writeFile(join(path, name), text);
  }
  return { path, [Symbol.asyncDispose]: () => rm(path, { recursive: true }) };
}

/** A Node argument that makes a process end when the test process has ended, for any reason. */
export const ENDS_WITH_TESTS = `--import=${new URL("ends-with.mjs", import.meta.url)}?pid=${process.pid}`;

const running = new Set<ChildProcess>();

/** Ends the processes that a failed test left running. */
export function killRest(): void {
  for (const child of running) child.kill("SIGKILL");
}

function start(
  args: string[],
  env: Record<string, string>,
  cwd: string,
  stdin: "ignore" | "pipe" = "ignore",
): ChildProcess {
  // Each process has its own data folder, unless a test sets one, because two processes cannot share a folder.
  const data = mkdtempSync(join(tmpdir(), "sluice-data-"));
  const child = spawn(process.execPath, [ENDS_WITH_TESTS, join(ROOT, "dist", "main.js"), ...args], {
    cwd,
    env: { PATH: process.env.PATH ?? "", DATA_DIR: data, ...sourceFor(env), ...env },
    stdio: [stdin, "pipe", "pipe"],
  });
  running.add(child);
  child.once("close", () => {
    running.delete(child);
    rmSync(data, { recursive: true, force: true });
  });
  return child;
}

/** Resolves with the child's output so far when it matches. */
function printed(child: ChildProcess, pattern: RegExp): Promise<string> {
  let stdout = "";
  return new Promise((resolve) => {
    child.stdout?.on("data", (text: Buffer) => {
      stdout += text.toString();
      if (pattern.test(stdout)) resolve(stdout);
    });
  });
}

async function endedEarly(exit: Promise<Exit>): Promise<never> {
  const { code, stderr } = await exit;
  throw new Error(`exited with ${code}: ${stderr}`);
}

/** Resolves with the child's exit. Rejects if the server left a rejection unhandled, unless the test expects that. */
function exitOf(child: ChildProcess, outsideRejections = false): Promise<Exit> {
  let stdout = "";
  let stderr = "";
  child.stdout?.on("data", (text: Buffer) => {
    stdout += text.toString();
  });
  child.stderr?.on("data", (text: Buffer) => {
    stderr += text.toString();
  });
  return new Promise((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) => {
      const left = /^.*a rejection outside any run was not handled.*$/m.exec(stdout)?.[0];
      if (left === undefined || outsideRejections) resolve({ code, stdout, stderr });
      else reject(new Error(left));
    });
  });
}
