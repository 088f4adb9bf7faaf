/** The faults of a deployment. Each resolves when the deployment works completely again. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import type { RedisLog } from "../../src/log/redis/redis-log.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import type { Deployment, Slot } from "./deployment.ts";
import type { Lanes } from "./lane.ts";
import { endOfRun } from "./rows.ts";

export interface Target extends Deployment {
  readonly lanes: Lanes;
  readonly log: RedisLog;
  readonly problem: (text: string) => void;
}

/** The time by which every reader must know that an owner died, in milliseconds. */
const KNOWN_MS = 20_000;

const HALTED_MS = 20_000;

export const FAULTS: Readonly<Record<string, (target: Target) => Promise<void>>> = {
  async kill(target) {
    const slot = oneOf(target.slots);
    const driven = await slot.drives();
    slot.healthy = false;
    const at = Date.now();
    await slot.process.kill();
    await readersKnow(target, driven, at);
    await slot.start();
  },
  async stop(target) {
    const slot = oneOf(target.slots);
    const driven = await slot.drives();
    slot.healthy = false;
    const at = Date.now();
    slot.process.signal("SIGSTOP");
    await sleep(HALTED_MS);
    await readersKnow(target, driven, at);
    const before = await overRuns(target, driven);
    slot.process.signal("SIGCONT");
    await sleep(5_000);
    for (const [runId, entries] of await overRuns(target, driven)) {
      if ((before.get(runId) ?? entries) !== entries) target.problem(`run ${runId} was written after its end`);
    }
    slot.healthy = true;
  },
  /**
   * Restarts one process after the other, as a deployment does. Readers of runs that are handed over miss nothing. A run
   * whose step takes longer than its process may wait is taken over as after a crash.
   */
  async restart({ slots, lanes, problem }) {
    const at = Date.now();
    for (const slot of slots) {
      slot.healthy = false;
      await slot.process.stop();
      await slot.start();
    }
    const missing = lanes.readersFrom("recovered").filter((reader) => reader.missedSince(at)).length;
    if (missing > 0) problem(`${missing} readers of runs that are handed over missed events`);
  },
  async "redis-restart"({ redis }) {
    await redis.kill();
    await sleep(1_000);
    await redis.start();
  },
  async flushall({ redis }) {
    await asked(redis.url, (client) => client.flushall());
  },
  async "redis-pause"({ redis }) {
    await asked(redis.url, (client) => client.call("CLIENT", "PAUSE", "6000", "ALL"));
    await sleep(6_000);
  },
  /** Only one process loses Redis. */
  async "redis-cut"({ slots }) {
    const { line } = oneOf(slots);
    line.cut();
    await sleep(6_000);
    line.heal();
  },
  async "postgres-restart"({ postgres }) {
    await postgres.halt();
    await sleep(1_000);
    await postgres.start();
  },
  async "postgres-crash"({ postgres }) {
    await postgres.halt("immediate");
    await sleep(1_000);
    await postgres.start();
  },
};

function oneOf(slots: readonly [Slot, ...Slot[]]): Slot {
  return slots[Math.floor(Math.random() * slots.length)] ?? slots[0];
}

async function asked(url: string, ask: (client: Redis) => Promise<unknown>): Promise<void> {
  const client = new Redis(url, { maxRetriesPerRequest: 1 });
  await ask(client);
  client.disconnect();
}

/** Returns the log's entries of the finished runs, for a comparison. */
async function overRuns({ database, log }: Target, driven: ReadonlyMap<string, string>): Promise<Map<string, string>> {
  const over = new Map<string, string>();
  for (const [threadId, runId] of driven) {
    if (!(await endOfRun(database, threadId, runId, 1))) continue;
    const { epoch, entries } = await log.read(threadTopic(threadId), null, 100_000);
    const own = entries.filter((entry) => entry.runId === runId).map(({ offset }) => offset);
    over.set(runId, `${epoch} ${own}`);
  }
  return over;
}

/** Checks that every reader of a run whose owner died was sent the run's end or the thread's state. */
async function readersKnow({ lanes, problem }: Target, driven: ReadonlyMap<string, string>, at: number): Promise<void> {
  const readers = [...driven].flatMap(([threadId, runId]) =>
    lanes.readersOf(threadId).map((reader) => ({ reader, threadId, knew: () => reader.newsOf(runId, at) })),
  );
  while (readers.some(({ knew }) => knew() === undefined) && Date.now() < at + 2 * KNOWN_MS) await sleep(100);
  const last = Math.max(0, ...readers.map(({ knew }) => (knew() ?? Number.POSITIVE_INFINITY) - at));
  // The chaos program reports on the terminal.
  console.log(`        ${readers.length} readers, the last knew after ${last / 1_000} s`);
  for (const { reader, threadId, knew } of readers) {
    const after = (knew() ?? Number.POSITIVE_INFINITY) - at;
    if (after > KNOWN_MS) {
      problem(
        `a reader over ${reader.kind} of thread ${threadId} knew after ${after / 1_000} s that its run's owner was gone`,
      );
    }
  }
}
