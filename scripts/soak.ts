/**
 * `npm run soak`: tests that one process survives many kinds of harm at once, and that its healthy clients are not
 * affected.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ensureBuilt, ROOT } from "./setup.mjs";
import { HARM, healthyTurn, type Target, wait } from "./soak/clients.ts";

const USAGE = `Usage: npm run soak [-- options]

Serves graphs that reject, throw, block the process or remove their messages. At the same time, clients do not read,
flood or send long histories, next to ten healthy clients. Fails if the process dies, a healthy client misses a word,
memory is not freed, or SIGTERM does not end the process in time.

Options:
  --seconds <n>  the length of the test (300)
  --heap <MiB>   the heap limit of the process (512)
  --help         this`;

const HEALTHY_CLIENTS = 10;
const DRAIN_SECONDS = 5;
const AGENTS = ["healthy", "rejecting", "throwing", "busy", "wordy", "regretful", "large"];

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "300" },
    heap: { type: "string", default: "512" },
    help: { type: "boolean" },
  },
});
if (values.help) console.log(USAGE);
else process.exitCode = await soak(Number(values.seconds), Number(values.heap));

async function soak(seconds: number, heap: number): Promise<number> {
  ensureBuilt();
  const folder = mkdtempSync(join(tmpdir(), "sluice-soak-"));
  const { child, url, logged } = await serve(folder, heap);
  const problems: string[] = [];
  const end = new AbortController();
  const target: Target = { url, signal: end.signal };
  let turns = 0;
  try {
    for (let turn = 0; turn < 20; turn += 1) await healthyTurn(target);
    const before = memoryOf(child);
    let most = before;
    const watch = setInterval(() => {
      most = Math.max(most, memoryOf(child));
    }, 250);
    const failed = (what: string) => (error: unknown) => {
      if (problems.length < 20) problems.push(`${what}: ${error instanceof Error ? error.message : String(error)}`);
    };
    const healthy = Array.from({ length: HEALTHY_CLIENTS }, async () => {
      while (!end.signal.aborted) {
        await healthyTurn(target).then(() => (turns += 1), failed("a healthy client"));
        if (child.exitCode !== null || child.signalCode !== null) return;
      }
    });
    const counts: Record<string, number> = {};
    const harm = Object.entries(HARM).map(async ([name, work]) => {
      while (!end.signal.aborted) {
        // The server may cut these clients.
        await work(target).catch(() => wait(100));
        counts[name] = (counts[name] ?? 0) + 1;
        await wait(50);
        if (child.exitCode !== null || child.signalCode !== null) return;
      }
    });
    await Promise.race([wait(seconds * 1_000), once(child, "exit")]);
    end.abort();
    await Promise.all([...healthy, ...harm]);
    clearInterval(watch);
    for (let turn = 0; turn < 20; turn += 1) await healthyTurn(target).catch(failed("afterwards"));
    const after = await settled(child, before);
    console.log(`${turns} turns of healthy clients; harm done: ${JSON.stringify(counts)}`);
    console.log(`memory: ${before} MiB before, ${most} at most, ${after} afterwards`);
    if (after > before + 200) problems.push(`memory was not freed: ${before} MiB before, ${after} MiB afterwards`);
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  if (child.exitCode !== null || child.signalCode !== null)
    problems.push(`the process died: ${logged().slice(-2_000)}`);
  else if (!(await endsInTime(child))) problems.push("SIGTERM did not end the process in time");
  rmSync(folder, { recursive: true, force: true });
  for (const problem of problems) console.log(`✗ ${problem}`);
  if (problems.length === 0)
    console.log("✓ The process survived, all answers were complete, its memory was freed, and it ended in time.");
  return problems.length === 0 ? 0 : 1;
}

async function serve(folder: string, heap: number) {
  const graphs = join(ROOT, "scripts", "soak", "graphs.ts");
  const agents = Object.fromEntries(AGENTS.map((name) => [name, { graph: `${graphs}:${name}` }]));
  mkdirSync(join(folder, "config"));
  const config = join(folder, "config", "agents.json");
  writeFileSync(config, JSON.stringify({ agents }));
  const child = spawn(
    process.execPath,
    [`--max-old-space-size=${heap}`, join(ROOT, "dist", "main.js"), "serve", "--config", config, "--port", "0"],
    {
      cwd: folder,
      env: {
        PATH: process.env.PATH, // No other variables of the environment, because they would affect the test.
        DATA_DIR: join(folder, "data"),
        LOG_LEVEL: "error",
        LOG_MAX_TOTAL_BYTES: "67108864",
        SLOW_CONSUMER_SECONDS: "2",
        DRAIN_SECONDS: String(DRAIN_SECONDS),
      },
      stdio: ["ignore", "pipe", "pipe"],
    },
  );
  let log = "";
  const keep = (data: Buffer) => {
    log = (log + data.toString()).slice(-100_000);
  };
  child.stdout.on("data", keep);
  child.stderr.on("data", keep);
  for (let attempt = 0; attempt < 300; attempt += 1) {
    const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(log) ?? [];
    if (
      url &&
      (await fetch(`${url}/readyz`).then(
        ({ ok }) => ok,
        () => false,
      ))
    )
      return { child, url, logged: () => log };
    if (child.exitCode !== null) break;
    await wait(100);
  }
  throw new Error(`The server did not start:\n${log}`);
}

/** Returns the resident memory in MiB, or 0 if the system does not report it. */
function memoryOf({ pid }: ChildProcess): number {
  try {
    const [, kib = "0"] = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, "utf8")) ?? [];
    return Math.round(Number(kib) / 1024);
  } catch {
    return 0;
  }
}

/** Returns the memory after it was freed, or after half a minute. */
async function settled(child: ChildProcess, before: number): Promise<number> {
  for (let second = 0; second < 30 && memoryOf(child) > before + 200; second += 1) await wait(1_000);
  return memoryOf(child);
}

async function endsInTime(child: ChildProcess): Promise<boolean> {
  child.kill("SIGTERM");
  const ended = new Promise<boolean>((resolve) => child.once("exit", () => resolve(true)));
  const inTime = await Promise.race([ended, wait((DRAIN_SECONDS + 5) * 1_000).then(() => false)]);
  if (!inTime) child.kill("SIGKILL");
  return inTime;
}
