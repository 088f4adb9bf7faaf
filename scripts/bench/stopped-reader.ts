/** One run, many readers, and one of them that stops reading: what that costs the others, and what becomes of it. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { percentile, table } from "../../src/doctor/measures.ts";
import { Child } from "./child.ts";
import { now, type Workload } from "./graph.ts";
import { type Delay, Reader } from "./reader.ts";

export const NAME = "stopped reader";

export interface Stop {
  /** Clients that read all the time. */
  readonly readers: number;
  readonly perSecond: number;
  /** Characters. */
  readonly tokenLength: number;
  /** The time in which one client does not read; before that, all read for as long. */
  readonly seconds: number;
  /** The server's SLOW_CONSUMER_SECONDS. */
  readonly slowConsumerSeconds: number;
  /** The targets are held against it. */
  readonly judged?: boolean;
}

/** The kernel takes 4 MB and more for the one that stopped, and the server notices only what comes after. */
export const FULL_STOP: Stop = {
  readers: 99,
  perSecond: 50,
  tokenLength: 20_480,
  seconds: 10,
  slowConsumerSeconds: 3,
  judged: true,
};
export const QUICK_STOP: Stop = {
  readers: 5,
  perSecond: 100,
  tokenLength: 65_536,
  seconds: 1.5,
  slowConsumerSeconds: 0.2,
};

export interface StopResult {
  readonly stop: Stop;
  /** Delays in milliseconds of those who read all the time. */
  readonly without: readonly number[];
  readonly with: readonly number[];
  /** The server's, in bytes: before, when the other one stopped, and when it read again. */
  readonly memory: readonly [number, number, number];
  /** After how many seconds; `undefined` when the server did not cut it. */
  readonly cutAfter: number | undefined;
  /** Milliseconds from reading on to having caught up. */
  readonly caughtUpMs: number;
  readonly tokens: number;
  readonly losses: readonly string[];
}

/** The 99th percentile of the delays may be this many times what it is without the one that stopped. */
const TARGET_RATIO = 2;
/** MB that the server may grow more while one client does not read. At most 256 kB wait for one client. */
const TARGET_GROWTH = 16;

/** In seconds: until all is warm, and for the one to catch up while the run goes on. */
const WARM_UP = 2;
const REST = 2;
/** Milliseconds that an expected event may be late. */
const PATIENCE_MS = 20_000;
const HEARTBEAT_SECONDS = 3_600;

export async function measureStop(stop: Stop, profileTo: string | undefined): Promise<StopResult> {
  const server = new Child("./server.ts", profileTo);
  const readers: Reader[] = [];
  try {
    const env = {
      SLOW_CONSUMER_SECONDS: String(stop.slowConsumerSeconds),
      // Not what cuts it.
      HEARTBEAT_SECONDS: String(HEARTBEAT_SECONDS),
      STREAM_TIMEOUT_SECONDS: "3600",
      LOG_MAX_EVENTS: "1000000",
      LOG_MAX_BYTES: "536870912",
    };
    const url = await server.ask<string>("listen", { env });
    return await watch(server, url, stop, readers);
  } finally {
    for (const reader of readers) reader.close();
    await server.close();
  }
}

async function watch(server: Child, url: string, stop: Stop, readers: Reader[]): Promise<StopResult> {
  const { perSecond, seconds, tokenLength: stampedLength } = stop;
  const tokens = Math.ceil(perSecond * (WARM_UP + 2 * seconds + REST));
  const workload: Workload = { tokens, everyMs: 1_000 / perSecond, burst: 1, stampedLength };
  const threadId = randomUUID();
  const [first, stopped, ...others] = Array.from(
    { length: stop.readers + 1 },
    () => new Reader(url, threadId, stampedLength),
  ) as [Reader, Reader, ...Reader[]];
  readers.push(first, stopped, ...others);
  const messages = [{ id: randomUUID(), role: "user", content: JSON.stringify(workload) }];
  await soon(first.run({ threadId, runId: randomUUID(), messages }));
  await soon(Promise.all([stopped, ...others].map((each) => each.subscribe())));
  await soon(first.until(() => first.tokens >= WARM_UP * perSecond));

  const before = await server.ask<number>("memory");
  const all = now();
  await delay(seconds * 1_000);
  const allUntil = now();
  const between = await server.ask<number>("memory");

  stopped.stopReading();
  const from = now();
  const cutAfter = await cut(server, stop);
  await delay(Math.max(from + seconds * 1_000 - now(), 0));
  const until = now();
  const after = await server.ask<number>("memory");

  const losses: string[] = [];
  const goal = first.tokens;
  const readOn = now();
  stopped.readOn();
  try {
    await soon(stopped.until(() => stopped.closed || (cutAfter === undefined && stopped.tokens >= goal)));
    if (stopped.closed) await soon(stopped.subscribe());
    await soon(stopped.until(() => stopped.tokens >= goal));
  } catch (error) {
    losses.push(`the stopped reader could not resume: ${(error as Error).message}`);
  }
  const caughtUpMs = now() - readOn;
  await Promise.all(readers.map((each) => soon(each.until(() => each.ended || each.closed)).catch(() => {})));
  const whole = (each: Reader) => each.loss === undefined && each.ended && each.tokens === tokens;
  for (const each of readers) {
    if (whole(each)) continue;
    const who = each === stopped ? "the stopped reader" : "a reader";
    losses.push(`${who} had ${each.tokens} of ${tokens} tokens${each.loss ? `: ${each.loss}` : "."}`);
  }
  const delays = [first, ...others].flatMap((each) => each.delays);
  return {
    stop,
    without: within(delays, all, allUntil),
    with: within(delays, from, until),
    memory: [before, between, after],
    cutAfter,
    caughtUpMs,
    tokens,
    losses: [...new Set(losses)],
  };
}

/** Looks for as long as one does not read whether the server still has its socket. */
async function cut(server: Child, { readers, seconds }: Stop): Promise<number | undefined> {
  const from = now();
  while (now() - from < seconds * 1_000) {
    if ((await server.ask<number>("sockets")) <= readers) return (now() - from) / 1_000;
    await delay(50);
  }
  return undefined;
}

function within(delays: readonly Delay[], from: number, until: number): number[] {
  return delays.filter(({ madeAt }) => madeAt >= from && madeAt < until).map(({ ms }) => ms);
}

async function soon<T>(promise: Promise<T>): Promise<T> {
  const timer = new AbortController();
  const late = delay(PATIENCE_MS, undefined, timer).then(() => {
    throw new Error(`nothing for ${PATIENCE_MS / 1_000} s`);
  });
  late.catch(() => {}); // Aborted when it came in time.
  try {
    return await Promise.race([promise, late]);
  } finally {
    timer.abort();
  }
}

export function reportStop(result: StopResult): string {
  const { stop, memory, cutAfter, caughtUpMs, tokens, losses } = result;
  const row = (name: string, delays: readonly number[], from: number, to: number) => [
    name,
    percentile(delays, 0.5).toFixed(1),
    percentile(delays, 0.99).toFixed(1),
    `${megabytes(from).toFixed(0)} -> ${megabytes(to).toFixed(0)}`,
  ];
  const [before, between, after] = memory;
  const fate =
    cutAfter === undefined
      ? "It was NOT cut"
      : `It was cut after ${cutAfter.toFixed(1)} s, by SLOW_CONSUMER_SECONDS=${stop.slowConsumerSeconds} ` +
        `(HEARTBEAT_SECONDS=${HEARTBEAT_SECONDS}), and came back with its last cursor`;
  const end =
    losses.length > 0
      ? ""
      : `\n${fate}; ${caughtUpMs.toFixed(0)} ms after it read on it had caught up, and in the end it had all ` +
        `${tokens.toLocaleString("en")} tokens.`;
  return `
${NAME}: one run at ${stop.perSecond}/s, ${stop.tokenLength} bytes a token, over WebSocket to ${stop.readers + 1} readers.
For ${stop.seconds} s all read; then, for as long, one does not. The delays are those of the other ${stop.readers}.
Of the server's growth ${megabytes(stop.seconds * stop.perSecond * stop.tokenLength).toFixed(0)} MB in either half are what its log keeps of the run.
${table([
  ["one stopped", "model to reader p50 ms", "p99 ms", "server's memory MB"],
  row("no", result.without, before, between),
  row("yes", result.with, between, after),
])}${end}`;
}

/** One line for each target; none when something was lost. */
export function verdictOnStop({ stop, without, with: held, memory, losses }: StopResult): string[] {
  if (!stop.judged || losses.length > 0) return [];
  const ratio = percentile(held, 0.99) / percentile(without, 0.99);
  const growth = megabytes(memory[2] - memory[1]) - megabytes(memory[1] - memory[0]);
  const met = (is: boolean) => `Target ${is ? "met" : "NOT met"}:`;
  return [
    `${met(ratio <= TARGET_RATIO)} the others' p99 was ${ratio.toFixed(2)} times what it is without a stopped reader; at most ${TARGET_RATIO} is wanted.`,
    `${met(growth <= TARGET_GROWTH)} the server grew by ${growth.toFixed(1)} MB more than without; at most ${TARGET_GROWTH} is wanted.`,
  ];
}

function megabytes(bytes: number): number {
  return bytes / 2 ** 20;
}
