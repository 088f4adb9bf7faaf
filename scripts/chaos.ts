/** `npm run chaos`: do three processes that share Postgres and Redis lose a word, a run or a reader, whatever breaks? */
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
without stickiness, while one fault after the other befalls them. Fails when a reader's messages differ from the
transcript, a cursor comes twice, a run has no end or two, a halted process writes for a run that was taken from it, a
reader does not know within 20 s that an owner died, or a restart in good order costs a reader of \`recovered\` an event.

Options:
  --seconds <n>     how long new threads begin, and faults happen (600)
  --faults <names>  which faults, in turn, by commas: ${Object.keys(FAULTS).join(", ")}
  --runs <n>        runs at once (50)
  --readers <n>     readers at once (200)
  --help            this`;

/** Milliseconds of calm between two faults. */
const CALM_MS = 5_000;

/** The limits of the log that the checks read. It keeps nothing itself. */
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
// The terminal is where this program reports.
if (values.help) console.log(USAGE);
else if (unknown.length > 0) {
  console.error(`--faults: ${unknown.join(", ")} is none of ${Object.keys(FAULTS).join(", ")}.`);
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
    // One after the other: that is how each learns its name.
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
  if (problems.length === 0) console.log("✓ Every reader has the transcript, and every run one end.");
  else console.log(`✗ ${problems.length} problems`);
  return problems.length === 0 ? 0 : 1;
}

function shortened(text: string): string {
  return text.length > 2_000 ? `${text.slice(0, 2_000)} ...` : text;
}
