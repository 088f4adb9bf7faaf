/** Starts the audit's process, with canaries in its environment and without a network, and receives its findings. */
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { auditEnvironment } from "../config/audit-environment.ts";
import type { ConfigSources } from "../config/config.ts";
import { ConfigError } from "../config/config-error.ts";
import type { Answer } from "./child.ts";

export interface Job {
  readonly sources: ConfigSources;
  /** The agent's name in the configuration. Default: the first agent. */
  readonly agent: string | undefined;
  readonly message: string;
  readonly realModel: boolean;
  readonly realTools: readonly string[];
  /** Milliseconds that one run may take. */
  readonly timeoutMs: number;
  /** The values in the environment, by variable. */
  readonly words: Readonly<Record<string, string>>;
}

/** The time limit of an audit, in runs. An audit makes about forty. */
const RUNS = 60;

export type Found = Extract<Answer, { readonly kind: "audit" }>;

/** @throws ConfigError when there is nothing to audit. Error when the process ended before the audit was complete. */
export async function auditInProcess(
  job: Omit<Job, "words">,
  keep: readonly string[],
  printed: (text: string) => void,
): Promise<Found> {
  const { env, words } = auditEnvironment(job.sources, keep);
  const folder = mkdtempSync(join(tmpdir(), "sluice-audit-"));
  const file = (name: string) => join(import.meta.dirname, name);
  const child = spawn(process.execPath, ["--import", pathToFileURL(file("no-network.js")).href, file("child.js")], {
    cwd: job.sources.cwd,
    env: { ...env, HOME: folder, DATA_DIR: folder },
    stdio: ["ignore", "pipe", "pipe", "ipc"],
  });
  const timer = setTimeout(() => child.kill("SIGKILL"), job.timeoutMs * RUNS);
  child.stdout?.on("data", (bytes: Buffer) => printed(String(bytes)));
  child.stderr?.on("data", (bytes: Buffer) => printed(String(bytes)));
  try {
    const answer = await new Promise<Answer>((resolve, reject) => {
      child.once("message", (message) => resolve(message as Answer));
      child.once("error", reject);
      child.once("exit", (code, signal) => {
        reject(new Error(`The audit's process ended before the audit was complete (${signal ?? code}).`));
      });
      child.send({ ...job, words } satisfies Job);
    });
    if (answer.kind === "failed") throw new ConfigError(answer.message);
    return answer;
  } finally {
    clearTimeout(timer);
    child.kill("SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  }
}
