/** The server of `sluice dev`: a process that is started again after every change. */
import { type ChildProcess, fork } from "node:child_process";
import { fileURLToPath } from "node:url";
import type { Loaded, LoadedFile } from "./preload.ts";

/** Milliseconds until the second signal, which ends the runs, and until the process is killed. */
const HURRY_MS = 250;
const KILL_MS = 3_000;

export class ServerProcess {
  readonly #child: ChildProcess;
  /** Resolves when it has ended, for whatever reason. */
  readonly ended: Promise<void>;

  /** Starts `sluice serve ...args`. `loaded` is called with each file that it loads. */
  constructor(args: readonly string[], cwd: string, loaded: (file: LoadedFile) => void) {
    this.#child = fork(fileURLToPath(ours("main")), ["serve", ...args], {
      cwd,
      execArgv: [...process.execArgv, "--import", ours("cli/dev/preload").href],
    });
    // The loader of TypeScript sends messages of its own.
    this.#child.on("message", (message: Partial<Loaded>) => message.loaded?.forEach(loaded));
    this.ended = new Promise((resolve) => {
      this.#child.once("error", () => resolve());
      this.#child.once("exit", () => resolve());
    });
  }

  /** Ends the server. It gets some time before it is killed. Resolves when it has ended. */
  async stop(): Promise<void> {
    const signal = (name: NodeJS.Signals) => void this.#child.kill(name);
    signal("SIGTERM");
    // At the second signal a server ends the runs that it would have waited for.
    const timers = [setTimeout(signal, HURRY_MS, "SIGTERM"), setTimeout(signal, KILL_MS, "SIGKILL")];
    await this.ended;
    for (const timer of timers) clearTimeout(timer);
  }
}

/** A module of Sluice, which is TypeScript when Sluice runs from its sources. */
function ours(module: string): URL {
  const [extension] = /\.[jt]s$/.exec(import.meta.url) ?? [];
  return new URL(`../../${module}${extension}`, import.meta.url);
}
