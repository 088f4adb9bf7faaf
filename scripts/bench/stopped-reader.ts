/**
 * Measures one run with many readers of which one stops reading: its cost for the others, and whether the stopped
 * reader recovers.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { percentile, table } from "../../src/doctor/measures.ts";
import { Child } from "./child.ts";
import { now, type Workload } from "./graph.ts";
import { type Delay, Reader } from "./reader.ts";

export const NAME = "stopped reader";

export interface Stop {
  /** The number of clients that read all the time. */
  readonly readers: number;
  readonly perSecond: number;
  /** The characters of a token. */
  readonly tokenLength: number;
  /** How long one client does not read, in seconds. Before that, all clients read for the same time. */
  readonly seconds: number;
  /** The server's SLOW_CONSUMER_SECONDS. */
  readonly slowConsumerSeconds: number;
  /** The targets apply to this run. */
  readonly judged?: boolean;
}

/** The kernel buffers 4 MB or more for the stopped reader; the server notices only the data after that. */
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
  /** The delays of the clients that read all the time, in milliseconds. */
  readonly without: readonly number[];
  readonly with: readonly number[];
  /** The server's memory in bytes: before, while the reader is stopped, and when it reads again. */
  readonly memory: readonly [number, number, number];
  /** The seconds until the server cut the stopped reader, or `undefined` if it did not. */
  readonly cutAfter: number | undefined;
  /** The time from the first read until the reader has caught up, in milliseconds. */
  readonly caughtUpMs: number;
  readonly tokens: number;
  readonly losses: readonly string[];
}

/** The highest accepted ratio of the 99th percentiles of the delays, with and without the stopped reader. */
const TARGET_RATIO = 2;
/**
 * The highest accepted growth of the server's memory because of the stopped reader, in MB. At most 256 kB wait for one
 * client.
 */
const TARGET_GROWTH = 16;

/** In seconds: `WARM_UP` before the measurement, and `REST` for the stopped reader to catch up. */
const WARM_UP = 2;
const REST = 2;
/** How late an expected event may be, in milliseconds. */
const PATIENCE_MS = 20_000;
const HEARTBEAT_SECONDS = 3_600;

export async function measureStop(stop: Stop, profileTo: string | undefined): Promise<StopResult> {
  const server = new Child("./server.ts", profileTo);
  const readers: Reader[] = [];
  try {
    const env = {
      SLOW_CONSUMER_SECONDS: String(stop.slowConsumerSeconds),
      // A long heartbeat, so that only SLOW_CONSUMER_SECONDS cuts the reader.
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

/** Waits while one client does not read, and returns when the server cut its socket. */
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
  late.catch(() => {}); // The timer is aborted when the event is in time.
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

/** Returns a line for each target, or none if something was lost. */
export function verdictOnStop({ stop, without, with: held, memory, losses }: StopResult): string[] {
  if (!stop.judged || losses.length > 0) return [];
  const ratio = percentile(held, 0.99) / percentile(without, 0.99);
  const growth = megabytes(memory[2] - memory[1]) - megabytes(memory[1] - memory[0]);
  const met = (is: boolean) => `Target ${is ? "met" : "NOT met"}:`;
  return [
    `${met(ratio <= TARGET_RATIO)} the others' p99 was ${ratio.toFixed(2)} times what it is without a stopped reader; at most ${TARGET_RATIO} is wanted.`,
    `${met(growth <= TARGET_GROWTH)} the server grew by ${growth.toFixed(1)} MB more than without; the target is at most ${TARGET_GROWTH}.`,
  ];
}

function megabytes(bytes: number): number {
  return bytes / 2 ** 20;
}
