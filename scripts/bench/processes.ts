/**
 * Compares several processes that share Postgres and Redis with a single process that keeps its events in memory and
 * its threads in SQLite. Measures the delay to readers, the cost of tokens and runs, and the log in Redis alone.
 */
import { randomUUID } from "node:crypto";
import { type PostgresServer, startPostgres } from "../../test/support/postgres.ts";
import { type RedisServer, startRedis } from "../../test/support/redis.ts";
import { Child } from "./child.ts";
import { load, nothingSeen } from "./load.ts";
import type { Appended, Appending } from "./log.ts";
import { Reader } from "./reader.ts";
import { BURST, oneByOne, paced, type Scenario, type Setup, serve, unpaced } from "./scenarios.ts";

export interface ProcessesSizes {
  /**
   * The number of simultaneous runs whose tokens are timed. Each has a reader in the same process and one in another
   * process.
   */
  readonly runs: number;
  readonly perSecond: number;
  readonly seconds: number;
  readonly rounds: number;
  /** The scenarios in which the CPU per token is compared. */
  readonly loads: readonly Scenario[];
  /** The number of runs whose statements are counted. */
  readonly counted: number;
  readonly log: Omit<Appending, "url">;
}

const LOG = { topics: 50, batch: BURST, length: 200 };

export const FULL_PROCESSES: ProcessesSizes = {
  runs: 20,
  perSecond: 30,
  seconds: 5,
  rounds: 3,
  loads: [
    { ...paced(20, 30, 5), rounds: 3 },
    { ...oneByOne(unpaced(20, 3, 1)), rounds: 3 },
  ],
  counted: 50,
  log: { ...LOG, appends: 200 },
};
export const QUICK_PROCESSES: ProcessesSizes = {
  runs: 3,
  perSecond: 20,
  seconds: 0.5,
  rounds: 1,
  loads: [paced(3, 30, 0.5)],
  counted: 5,
  log: { ...LOG, topics: 5, appends: 10 },
};

/** The CPU per token in one scenario, in microseconds, for each round. */
export interface Cost {
  readonly name: string;
  readonly owner: number[];
  readonly alone: number[];
}

export interface ProcessesResult {
  readonly processes: number;
  readonly sizes: ProcessesSizes;
  /** The delays from the model to a reader, in milliseconds, by the place of the reader. */
  readonly delays: Readonly<Record<"alone" | "beside" | "elsewhere", number[]>>;
  readonly costs: readonly Cost[];
  /** The statements per run of one step: of the process that drives the run, and of the others together. */
  readonly statements: { readonly owner: number; readonly others: number };
  readonly log: Appended;
  readonly losses: readonly string[];
}

/** The length in characters of a token with a time stamp. */
const TOKEN_LENGTH = 32;

export async function measureProcesses(
  processes: number,
  sizes: ProcessesSizes,
  { transport, source, coalesceMs }: Setup,
): Promise<ProcessesResult> {
  const [postgres, redis] = await Promise.all([startPostgres(), startRedis()]);
  const children: Child[] = [];
  const start = async (env: Record<string, string>): Promise<Server> => {
    const child = new Child("./server.ts");
    children.push(child);
    const settings = { STREAM_SOURCE: source, COALESCE_MS: coalesceMs, ...env };
    return { child, url: await child.ask<string>("listen", { env: settings, stored: true }) };
  };
  try {
    const env = { DATABASE_URL: await postgres.database(), REDIS_URL: redis.url };
    const alone = await start({});
    const [owner, ...others] = await inTurn(processes, () => start(env));
    if (!owner || !others[0]) throw new Error("The comparison needs at least two processes.");
    const losses: string[] = [];
    const seen = nothingSeen();
    for (const { child, url } of [alone, owner, others[0]]) {
      await serve(child, { url, transport }, unpaced(20, 1, 1), seen);
    }

    const delays: ProcessesResult["delays"] = { alone: [], beside: [], elsewhere: [] };
    const timed = [
      async () => {
        const [one, other] = await delaysOf(sizes, alone, alone, losses);
        delays.alone.push(...one, ...other);
      },
      async () => {
        const [beside, elsewhere] = await delaysOf(sizes, owner, others[0] as Server, losses);
        delays.beside.push(...beside);
        delays.elsewhere.push(...elsewhere);
      },
    ];
    await inRounds(sizes.rounds, timed);

    const costs = sizes.loads.map(({ name }): Cost => ({ name, owner: [], alone: [] }));
    for (const [index, scenario] of sizes.loads.entries()) {
      const cost = costs[index] as Cost;
      await inRounds(scenario.rounds, [
        async () => cost.alone.push(await serve(alone.child, { url: alone.url, transport }, scenario, seen)),
        async () => cost.owner.push(await serve(owner.child, { url: owner.url, transport }, scenario, seen)),
      ]);
    }

    const statements = await statementsOf(sizes.counted, owner, others, seen);
    const log = await logAlone({ ...sizes.log, url: redis.url });
    losses.push(...seen.losses);
    if (log.found !== entriesOf(sizes)) losses.push(`Redis has ${log.found} of ${entriesOf(sizes)} entries.`);
    return { processes, sizes, delays, costs, statements, log, losses: [...new Set(losses)] };
  } finally {
    await Promise.all(children.map((child) => child.close()));
    await end(postgres, redis);
  }
}

/** Returns the number of entries that are appended to the log alone. */
export function entriesOf({ log: { topics, appends, batch } }: ProcessesSizes): number {
  return topics * appends * batch;
}

interface Server {
  readonly child: Child;
  readonly url: string;
}

/** Returns the delays of the readers on `here`, which drives the runs, and on `there`. */
async function delaysOf(
  { runs, perSecond, seconds }: ProcessesSizes,
  here: Server,
  there: Server,
  losses: string[],
): Promise<[number[], number[]]> {
  const tokens = Math.ceil(perSecond * seconds);
  // The other readers subscribe before the first token.
  const workload = { tokens, everyMs: 1_000 / perSecond, burst: 1, stampedLength: TOKEN_LENGTH, pauseMs: 1_000 };
  const messages = [{ id: randomUUID(), role: "user", content: JSON.stringify(workload) }];
  const pairs = await Promise.all(
    Array.from({ length: runs }, async () => {
      const threadId = randomUUID();
      const pair = [here, there].map(({ url }) => new Reader(url, threadId, TOKEN_LENGTH)) as [Reader, Reader];
      await pair[0].run({ threadId, runId: randomUUID(), messages });
      await pair[1].subscribe();
      return pair;
    }),
  );
  const readers = pairs.flat();
  await Promise.all(readers.map((each) => each.until(() => each.ended || each.closed)));
  for (const each of readers) {
    each.close();
    if (each.tokens !== tokens) losses.push(`A reader had ${each.tokens} of ${tokens} tokens. ${each.loss ?? ""}`);
  }
  const of = (which: 0 | 1) => pairs.flatMap((pair) => pair[which].delays.map(({ ms }) => ms));
  return [of(0), of(1)];
}

/** Counts the statements per run. The runs are short, so that periodic statements are not counted. */
async function statementsOf(
  runs: number,
  owner: Server,
  others: readonly Server[],
  seen: ReturnType<typeof nothingSeen>,
): Promise<ProcessesResult["statements"]> {
  const count = async (servers: readonly Server[]) => {
    let sum = 0;
    for (const { child } of servers) sum += await child.ask<number>("statements");
    return sum;
  };
  const [before, besides] = [await count([owner]), await count(others)];
  const workload = { tokens: 20, everyMs: 0, burst: BURST };
  (await load({ url: owner.url, transport: "ws", workload, runs }, seen, async () => {}))();
  return { owner: ((await count([owner])) - before) / runs, others: ((await count(others)) - besides) / runs };
}

async function logAlone(appending: Appending): Promise<Appended> {
  const child = new Child("./log.ts");
  try {
    return await child.ask<Appended>("append", appending);
  } finally {
    await child.close();
  }
}

/** Measures all sides in each round, so that other work of the machine affects them equally. */
async function inRounds(rounds: number, sides: readonly (() => Promise<unknown>)[]): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
  }
}

async function inTurn<T>(count: number, each: () => Promise<T>): Promise<T[]> {
  const results: T[] = [];
  while (results.length < count) results.push(await each());
  return results;
}

async function end(postgres: PostgresServer, redis: RedisServer): Promise<void> {
  await Promise.all([postgres.stop(), redis.kill()]);
}
