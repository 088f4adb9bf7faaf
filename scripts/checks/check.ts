/** What the checks for CI share: their list, their end, and a server when none is given. */
import { realpathSync } from "node:fs";
import { basename } from "node:path";
import { pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import type { Check } from "../../src/doctor/spread.ts";
import { reasonOf } from "../../src/doctor/trouble.ts";
import { startServer } from "../validate-streaming/server.ts";
import type { Ask } from "./run.ts";

export type { Check };

/** A check that passes when nothing is wrong, and names the first few things that are. */
export function withoutProblems(name: string, problems: readonly string[], found: string): Check {
  const more = problems.length > SHOWN ? [`and ${problems.length - SHOWN} more`] : [];
  return { name, passed: problems.length === 0, found: [...problems.slice(0, SHOWN), ...more].join("; ") || found };
}

const SHOWN = 3;

/** Does `what`; a check that throws has failed. */
export async function attempt(name: string, what: () => Promise<string>): Promise<Check> {
  try {
    return { name, passed: true, found: await what() };
  } catch (error) {
    return { name, passed: false, found: reasonOf(error) };
  }
}

/** Throws with `problem` unless `so`. */
export function expectThat(so: unknown, problem: string): asserts so {
  if (!so) throw new Error(problem);
}

/** Tells the checks, one a line, and gives the exit code. */
export function tell(subject: string, checks: readonly Check[], json: boolean): number {
  const passed = checks.every((check) => check.passed);
  const lines = checks.map(({ name, passed: good, found }) => `  ${good ? "ok  " : "FAIL"}  ${name}: ${found}`);
  const failed = checks.filter((check) => !check.passed).map(({ name }) => name);
  const verdict = passed ? "Passed." : `Failed: ${failed.join(", ")}.`;
  console.log(
    json ? JSON.stringify({ subject, passed, checks }, null, 2) : [subject, "", ...lines, "", verdict].join("\n"),
  );
  return passed ? 0 : 1;
}

/** What is typed behind a script that checks a server: which one, and what to ask it. Without `--url` it has one of its own. */
export async function checkServer(usage: string, checksOf: (ask: Ask) => Promise<Check[]>): Promise<number> {
  const { values } = parseArgs({
    options: {
      url: { type: "string" },
      agent: { type: "string" },
      message: { type: "string", default: "Hello! What can you do?" },
      timeout: { type: "string", default: "60" },
      json: { type: "boolean", default: false },
      help: { type: "boolean", default: false },
    },
  });
  if (values.help) {
    console.log(usage);
    return 0;
  }
  const { url, agent, message, json } = values;
  const timeoutMs = milliseconds("--timeout", values.timeout);
  if (url !== undefined && !(URL.canParse(url) && /^https?:/.test(url))) {
    throw new Error(`--url ${url}: it takes an address like http://127.0.0.1:8123.`);
  }
  const own = url === undefined ? await startServer() : undefined;
  try {
    const address = (url ?? own?.url ?? "").replace(/\/$/, "");
    return tell(address, await checksOf({ url: address, agent, message, timeoutMs }), json);
  } finally {
    await own?.stop();
  }
}

/** A number of seconds that was typed, in milliseconds. */
export function milliseconds(option: string, text: string): number {
  const value = Number(text);
  if (value > 0) return value * 1_000;
  throw new Error(`${option} ${text}: it takes a number of seconds above 0.`);
}

/** Runs a script to its exit code. A module that is imported, as tests do, runs nothing. */
export function runScript({ url }: ImportMeta, main: () => Promise<number>): void {
  const [, started] = process.argv;
  if (started === undefined || pathToFileURL(realpathSync(started)).href !== url) return;
  const name = basename(started, ".ts");
  main().then(
    // A graph may hold things open, such as a database; what was printed goes out first.
    (code) => process.stdout.write("", () => process.exit(code)),
    (error: unknown) => {
      console.error(`${name}: ${reasonOf(error)}`);
      process.exit(1);
    },
  );
}
