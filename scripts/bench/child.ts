/** The measured processes: the bench starts them and calls their tasks. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";

/** The tasks of a child by name. Each takes one argument and returns a value that JSON can represent. */
type Services = Record<string, (argument: never) => unknown>;

type Reply = { readonly result: unknown } | { readonly error: string };

const FLAGS = ["--import", import.meta.resolve("tsx"), "--expose-gc"];

export class Child {
  readonly #process: ChildProcess;
  readonly #exited: Promise<never>;

  /** `profileTo`: a folder for the process's CPU profile, written when it ends. */
  constructor(file: string, profileTo?: string, args: readonly string[] = []) {
    const profile = profileTo ? ["--cpu-prof", "--cpu-prof-dir", profileTo] : [];
    this.#process = fork(fileURLToPath(new URL(file, import.meta.url)), args, {
      execArgv: [...FLAGS, ...profile],
      // A child needs the whole environment, such as PATH. Tracing is off, because it would be measured too.
      env: { ...process.env, LANGSMITH_TRACING: "false", LANGCHAIN_TRACING_V2: "false" },
    });
    this.#exited = new Promise((_, reject) => {
      this.#process.once("exit", (code, signal) => reject(new Error(`${file} ended early (${signal ?? code}).`)));
    });
    this.#exited.catch(() => {});
  }

  /** Calls a task and returns its result. Call one task at a time. */
  async ask<T>(service: string, argument?: unknown): Promise<T> {
    const reply = new Promise<Reply>((resolve) =>
      this.#process.once("message", (message) => resolve(message as Reply)),
    );
    this.#process.send({ service, argument });
    const answer = await Promise.race([reply, this.#exited]);
    if ("error" in answer) throw new Error(answer.error);
    return answer.result as T;
  }

  async close(): Promise<void> {
    if (this.#process.exitCode !== null || this.#process.signalCode !== null) return;
    const exited = new Promise<void>((resolve) => this.#process.once("exit", () => resolve()));
    if (this.#process.connected) this.#process.disconnect();
    await exited;
  }
}

/** Serves the tasks of a child to the bench, and ends when the bench ends. */
export function answer(services: Services): void {
  process.on("message", async ({ service, argument }: { service: string; argument: never }) => {
    let reply: Reply;
    try {
      reply = { result: await services[service]?.(argument) };
    } catch (error) {
      reply = { error: error instanceof Error ? (error.stack ?? error.message) : String(error) };
    }
    process.send?.(reply);
  });
  // The process exits by itself, so that its CPU profile is written.
  process.on("disconnect", () => process.exit());
}

/**
 * Bytes of JavaScript's memory, without the garbage. Resident memory would also count what the heap keeps for later: for
 * a thousand sockets it is sometimes less than before.
 */
export function memory(): number {
  globalThis.gc?.();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external;
}

let before: NodeJS.CpuUsage | undefined;

/** Starts counting this process's CPU time, after garbage collection. */
export function startCpu(): void {
  globalThis.gc?.();
  before = process.cpuUsage();
}

/** Returns the CPU time of all threads since `startCpu`, user and system, in microseconds. */
export function cpuMicros(): number {
  const { user, system } = process.cpuUsage(before);
  return user + system;
}
