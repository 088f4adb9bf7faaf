/**
 * The figures other than the load: many readers, idle sockets, long threads, large states and resuming. Each is
 * compared with its floor.
 */
import { randomUUID } from "node:crypto";
import WebSocket from "ws";
import { median, table } from "../../src/doctor/measures.ts";
import { Child } from "./child.ts";
import type { Workload } from "./graph.ts";
import { load, nothingSeen } from "./load.ts";
import { Reader } from "./reader.ts";
import type { Setup } from "./scenarios.ts";
import type { Listening } from "./server.ts";

export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly server: number;
  readonly floor: number;
  readonly floorName: string;
  readonly losses: readonly string[];
}

export interface Sizes {
  readonly watchers: number;
  readonly idle: number;
  readonly histories: readonly number[];
  /** Characters of a state. */
  readonly ballast: number;
  readonly resumed: number;
  /** Runs whose start is measured. */
  readonly starts: number;
}

export const FULL_SIZES: Sizes = {
  watchers: 200,
  idle: 1_000,
  histories: [0, 200, 1_000],
  ballast: 1_048_576,
  resumed: 10_000,
  starts: 15,
};
export const QUICK_SIZES: Sizes = {
  watchers: 5,
  idle: 20,
  histories: [0, 20],
  ballast: 10_000,
  resumed: 300,
  starts: 2,
};

/** The length in characters of a token with a time stamp. */
const TOKEN_LENGTH = 32;
const WS = "`ws` alone";

interface Pair {
  readonly server: Child;
  readonly floor: Child;
  readonly url: string;
  readonly floorUrl: string;
}

export async function measureFigures(sizes: Sizes, { source, coalesceMs }: Setup): Promise<Figure[]> {
  const env = {
    STREAM_SOURCE: source,
    COALESCE_MS: coalesceMs,
    LOG_MAX_EVENTS: "1000000",
    LOG_MAX_BYTES: "536870912",
  };
  return [
    // Memory is measured first, because the other figures change it.
    ...(await inPair({ env }, async (pair) => [
      await idle(pair, sizes.idle),
      await watchers(pair, sizes.watchers),
      await resuming(pair, sizes.resumed),
    ])),
    ...(await inPair({ env, stored: true }, async (pair) => {
      const starts: Figure[] = [];
      await start(pair, "warm-up", sizes, { history: 0 });
      for (const history of sizes.histories) {
        starts.push(await start(pair, `first event, ${history} messages before`, sizes, { history }));
      }
      starts.push(
        await start(pair, `first event, ${sizes.ballast} characters of state`, sizes, {
          history: 0,
          ballast: sizes.ballast,
        }),
      );
      return starts;
    })),
  ];
}

async function inPair<T>(listening: Listening, measure: (pair: Pair) => Promise<T>): Promise<T> {
  const server = new Child("./server.ts");
  const floor = new Child("./floor.ts");
  try {
    const [url, floorUrl] = [await server.ask<string>("listen", listening), await floor.ask<string>("listen")];
    return await measure({ server, floor, url, floorUrl });
  } finally {
    await Promise.all([server.close(), floor.close()]);
  }
}

function inputOf(threadId: string, workload: Workload) {
  return {
    threadId,
    runId: randomUUID(),
    messages: [{ id: randomUUID(), role: "user", content: JSON.stringify(workload) }],
  };
}

/** Measures the CPU for delivering one token to one of many readers, in microseconds. */
async function watchers({ server, floor, url, floorUrl }: Pair, count: number): Promise<Figure> {
  const tokens = 300;
  const threadId = randomUUID();
  const [starter, ...others] = Array.from({ length: count }, () => new Reader(url, threadId, TOKEN_LENGTH)) as [
    Reader,
    ...Reader[],
  ];
  const everyMs = 10;
  // The other readers subscribe before the first token.
  const workload = { tokens, everyMs, burst: 1, stampedLength: TOKEN_LENGTH, pauseMs: 1_000 };
  await starter.run(inputOf(threadId, workload));
  await Promise.all(others.map((reader) => reader.subscribe()));
  await server.ask("startCpu");
  await Promise.all([starter, ...others].map((reader) => reader.until(() => reader.ended || reader.closed)));
  const micros = await server.ask<number>("cpuMicros");
  const losses = [starter, ...others]
    .filter((reader) => reader.tokens !== tokens)
    .map(({ tokens: had, loss }) => `a reader had ${had} of ${tokens} tokens. ${loss ?? ""}`);
  for (const reader of [starter, ...others]) reader.close();
  const sockets = await openAll(floorUrl, count);
  await floor.ask("startCpu");
  await floor.ask("broadcast", { times: tokens, everyMs, bytes: 250 });
  const bare = await floor.ask<number>("cpuMicros");
  for (const socket of sockets) socket.terminate();
  const deliveries = tokens * count;
  return {
    name: `one run with ${count} readers, CPU per delivery`,
    unit: "us",
    server: micros / deliveries,
    floor: bare / deliveries,
    floorName: WS,
    losses,
  };
}

/** Measures the memory of an idle socket with one subscription, in KiB. */
async function idle({ server, floor, url, floorUrl }: Pair, count: number): Promise<Figure> {
  const kibibytes = async (child: Child, open: () => Promise<() => void>) => {
    const before = await child.ask<number>("memory");
    const close = await open();
    const after = await child.ask<number>("memory");
    close();
    return (after - before) / 1_024 / count;
  };
  const own = await kibibytes(server, async () => {
    const readers = Array.from({ length: count }, () => new Reader(url, randomUUID(), TOKEN_LENGTH));
    for (const reader of readers) await reader.subscribe();
    return () => {
      for (const reader of readers) reader.close();
    };
  });
  const bare = await kibibytes(floor, async () => {
    const sockets = await openAll(floorUrl, count);
    return () => {
      for (const socket of sockets) socket.terminate();
    };
  });
  return {
    name: `${count} idle sockets, memory per socket`,
    unit: "KiB",
    server: own,
    floor: bare,
    floorName: WS,
    losses: [],
  };
}

/** Measures the time until a reader that reconnects has caught up, in milliseconds. */
async function resuming({ server, floor, url, floorUrl }: Pair, tokens: number): Promise<Figure> {
  const threadId = randomUUID();
  const first = new Reader(url, threadId, TOKEN_LENGTH);
  await first.run(inputOf(threadId, { tokens, everyMs: 0, burst: 1, stampedLength: TOKEN_LENGTH }));
  const began = first.cursor;
  await first.until(() => first.ended || first.closed);
  first.close();
  const times: number[] = [];
  const losses: string[] = [];
  for (let time = 0; time < 5; time += 1) {
    const again = new Reader(url, threadId, TOKEN_LENGTH);
    again.cursor = began;
    const asked = performance.now();
    await again.subscribe();
    await again.until(() => again.ended || again.closed);
    times.push(performance.now() - asked);
    if (again.tokens !== tokens)
      losses.push(`a reader that came back had ${again.tokens} of ${tokens} tokens. ${again.loss ?? ""}`);
    again.close();
  }
  await server.ask("memory");
  const bare: number[] = [];
  for (let time = 0; time < 5; time += 1) {
    const asked = performance.now();
    const [socket] = (await openAll(floorUrl, 1)) as [WebSocket];
    let had = 0;
    const all = new Promise<void>((resolve) => {
      socket.on("message", () => {
        had += 1;
        if (had === tokens) resolve();
      });
    });
    await floor.ask("broadcast", { times: tokens, everyMs: 0, bytes: 250 });
    await all;
    bare.push(performance.now() - asked);
    socket.terminate();
  }
  return {
    name: `resuming after ${tokens} events`,
    unit: "ms",
    server: median(times),
    floor: median(bare),
    floorName: WS,
    losses,
  };
}

/** Measures the time from the request for a run to its first event, in milliseconds. */
async function start(
  { server, floor, url }: Pair,
  name: string,
  { starts }: Sizes,
  { history, ballast }: { history: number; ballast?: number },
): Promise<Figure> {
  const threadId = randomUUID();
  const workload: Workload = { tokens: 1, everyMs: 0, burst: 1 };
  const before = Array.from({ length: history }, (_, index) => ({
    id: `${index}`,
    role: index % 2 === 0 ? ("user" as const) : ("assistant" as const),
    content: `message ${index} ${"of a long conversation ".repeat(8)}`,
  }));
  const begin = { ...workload, ...(ballast === undefined ? {} : { ballast }) };
  const seen = nothingSeen();
  const run = (asked: Workload, earlier = before.slice(0, 0)) =>
    load({ url, transport: "frames", workload: asked, runs: 1, threadId, history: earlier }, seen, async () => {}).then(
      (close) => close(),
    );
  await run(begin, before);
  seen.firstEvents.length = 0;
  for (let index = 0; index < starts; index += 1) await run(workload);
  const ask = (messages: readonly { role: string; content: string }[]) =>
    floor.ask<number>("firstEvent", { threadId, messages });
  const said = (asked: Workload) => ({ role: "user", content: JSON.stringify(asked) });
  await ask([...before, said(begin)]);
  const bare: number[] = [];
  for (let index = 0; index < starts; index += 1) bare.push(await ask([said(workload)]));
  await server.ask("memory");
  return {
    name,
    unit: "ms",
    server: median(seen.firstEvents),
    floor: median(bare),
    floorName: "`streamEvents`, in process",
    losses: seen.losses,
  };
}

function openAll(url: string, count: number): Promise<WebSocket[]> {
  return Promise.all(
    Array.from({ length: count }, async () => {
      const socket = new WebSocket(url.replace(/^http/, "ws"), { perMessageDeflate: false });
      socket.on("message", () => {});
      await new Promise((resolve, reject) => socket.once("open", resolve).once("error", reject));
      return socket;
    }),
  );
}

export const FIGURE_COLUMNS = ["figure", "Sluice", "floor", "ratio", "the floor is"];

export function figureRow({ name, unit, server, floor, floorName }: Figure): string[] {
  return [name, `${server.toFixed(1)} ${unit}`, `${floor.toFixed(1)} ${unit}`, (server / floor).toFixed(2), floorName];
}

export function reportFigures(figures: readonly Figure[]): string {
  return table([FIGURE_COLUMNS, ...figures.map(figureRow)]);
}
