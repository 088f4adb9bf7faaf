/**
 * `npm run chaos`: tests that three processes that share Postgres and Redis lose no text, run or reader under faults.
 */
import { setTimeout as sleep } from "node:timers/promises";
import { parseArgs } from "node:util";
import { RedisLog } from "../src/log/redis/redis-log.ts";
import { killRest } from "../test/support/child.ts";
import { AGENTS, deploy, PREFIX } from "./chaos/deployment.ts";
import { FAULTS } from "./chaos/faults.ts";
import { Lanes } from "./chaos/lane.ts";
import { ensureBuilt } from "./setup.mjs";

const USAGE = `Usage: npm run chaos [-- options]

Runs three processes on one Postgres and one Redis, with paced runs and readers that come in through a load balancer
without stickiness, while faults happen one after the other. Fails when a reader's messages differ from the
transcript, a cursor comes twice, a run has no end or two, a halted process writes for a run that was taken from it, a
reader does not know within 20 s that an owner died, or a restart in good order costs a reader of \`recovered\` an event.

Options:
  --seconds <n>     the time in which threads begin and faults happen (600)
  --faults <names>  the faults, separated by commas: ${Object.keys(FAULTS).join(", ")}
  --runs <n>        runs at once (50)
  --readers <n>     readers at once (200)
  --help            this`;

/** The time without faults between two faults, in milliseconds. */
const CALM_MS = 5_000;

/** The limits of the log object that the checks use. It only reads. */
const LIMITS = { maxEvents: 100_000, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 600_000 };

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "600" },
    faults: { type: "string", default: Object.keys(FAULTS).join(",") },
    runs: { type: "string", default: "50" },
    readers: { type: "string", default: "200" },
    help: { type: "boolean" },
  },
});
const faults = values.faults.split(",").map((name) => name.trim());
const unknown = faults.filter((name) => !Object.hasOwn(FAULTS, name));
// This program reports on the terminal.
if (values.help) console.log(USAGE);
else if (unknown.length > 0) {
  console.error(`--faults: ${unknown.join(", ")} is not one of ${Object.keys(FAULTS).join(", ")}.`);
  process.exitCode = 2;
} else process.exitCode = await chaos(Number(values.seconds), Number(values.runs), Number(values.readers));

async function chaos(seconds: number, runs: number, readers: number): Promise<number> {
  ensureBuilt();
  const problems: string[] = [];
  const problem = (text: string) => {
    problems.push(text);
    console.log(`✗ ${shortened(text)}`);
  };
  const outcomes = new Map<string, number>();
  const over = new AbortController();
  const began = Date.now();
  const deployment = await deploy(3);
  const { url, database, redis, slots } = deployment;
  const log = new RedisLog({ ...LIMITS, url: redis.url, prefix: PREFIX, failed: () => {} });
  const lanes = new Lanes({
    url,
    database,
    log,
    readersPerThread: Math.max(1, Math.round(readers / runs)),
    signal: over.signal,
    problem,
    ended: (outcome) => outcomes.set(outcome, (outcomes.get(outcome) ?? 0) + 1),
  });
  try {
    // One after the other, so that each slot can find the name of its process.
    for (const slot of slots) await slot.start();
    await log.ready();
    const driven = Array.from({ length: runs }, (_, lane) => lanes.drive(AGENTS[lane % AGENTS.length] ?? AGENTS[0]));
    const until = Date.now() + seconds * 1_000;
    for (let turn = 0; Date.now() < until; turn += 1) {
      await sleep(CALM_MS);
      const name = faults[turn % faults.length] ?? "";
      const at = Math.round((Date.now() - began) / 1_000);
      console.log(`${String(at).padStart(4)} s  ${name}`);
      await FAULTS[name]?.({ ...deployment, lanes, log, problem });
    }
    over.abort();
    await Promise.all(driven);
  } catch (error) {
    problem(error instanceof Error ? (error.stack ?? error.message) : String(error));
  }
  await log.close();
  await deployment.stop().catch((error: unknown) => problem(String(error)));
  killRest();
  const ended = [...outcomes].map(([outcome, count]) => `${count} ${outcome}`).join(", ");
  console.log(`${[...outcomes.values()].reduce((sum, count) => sum + count, 0)} runs: ${ended}`);
  if (problems.length === 0) console.log("✓ Every reader has the whole transcript, and every run has exactly one end.");
  else console.log(`✗ ${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}

function shortened(text: string): string {
  return text.length > 2_000 ? `${text.slice(0, 2_000)} ...` : text;
}
