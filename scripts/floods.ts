/** `npm run floods`: measures whether healthy clients are slowed when another client floods the server. */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { parseArgs } from "node:util";
import { readSettings } from "../src/config/settings.ts";
import { median, percentile, table } from "../src/doctor/measures.ts";
import { Child } from "./bench/child.ts";
import { now } from "./bench/graph.ts";
import { Reader } from "./bench/reader.ts";
import { type Flood, type Flooded, KINDS, type Kind } from "./floods/flooder.ts";
import { ensureBuilt } from "./setup.mjs";

const USAGE = `Usage: npm run floods [-- options]

Serves ten clients that read an answer each, with the default limits. Another client floods the server with
handshakes, pings, small messages or large bodies, as fast as it can. Prints the 99th percentile of the ten clients' delays,
from the model to the client, as a ratio to the quiet time before. Fails when a token is lost.

Options:
  --seconds <n>  the length of the quiet time and of the flood (4)
  --rounds <n>   the number of rounds per flood (5); the median of the ratios counts
  --only <text>  only floods with this in their name
  --help         this`;

const HEALTHY_CLIENTS = 10;
const TOKENS_PER_SECOND = 30;
const TOKEN_LENGTH = 64;
const WARM_UP_SECONDS = 2;
const TARGET_RATIO = 2;

const { values } = parseArgs({
  options: {
    seconds: { type: "string", default: "4" },
    rounds: { type: "string", default: "5" },
    only: { type: "string", default: "" },
    help: { type: "boolean" },
  },
});
// This program reports on the terminal.
if (values.help) console.log(USAGE);
else process.exitCode = await floods(Number(values.seconds), Number(values.rounds), values.only);

interface Round {
  /** 99th percentiles of the delays, in milliseconds. */
  readonly quiet: number;
  readonly flooded: number;
  readonly flood: Flooded;
}

async function floods(seconds: number, rounds: number, only: string): Promise<number> {
  ensureBuilt();
  const kinds = KINDS.filter((kind) => kind.includes(only));
  const results: [Kind, Round[]][] = [];
  for (const kind of kinds) results.push([kind, await measure(kind, seconds, rounds)]);
  const rows = results.map(([kind, all]) => {
    const ratios = all.map(({ quiet, flooded }) => flooded / quiet);
    const of = (value: (round: Round) => number) => median(all.map(value)).toFixed(1);
    return [
      kind,
      median(all.map(({ flood }) => flood.done / seconds)).toFixed(0),
      median(all.map(({ flood }) => flood.refused / seconds)).toFixed(0),
      of(({ quiet }) => quiet),
      of(({ flooded }) => flooded),
      median(ratios).toFixed(2),
      `${Math.min(...ratios).toFixed(2)} to ${Math.max(...ratios).toFixed(2)}`,
    ];
  });
  console.log(table([["flood of", "a second", "refused", "quiet p99 ms", "p99 ms", "ratio", "spread"], ...rows]));
  for (const [kind, , , , , ratio] of rows) {
    const met = Number(ratio) <= TARGET_RATIO;
    console.log(`Target ${met ? "met" : "NOT met"} for ${kind}: ${ratio} times; at most ${TARGET_RATIO} is wanted.`);
  }
  return 0;
}

/** Returns the default values of the limits that the bench's server raises. */
function usualLimits(): Record<string, string> {
  const usual = readSettings({});
  const names = [
    "MAX_RUNS_PER_MINUTE",
    "MAX_CLIENT_RUNS",
    "MAX_CLIENT_SOCKETS",
    "MAX_CLIENT_SUBSCRIPTIONS",
    "MAX_HANDSHAKES_PER_MINUTE",
    "MAX_REQUESTS_PER_MINUTE",
  ] as const;
  return Object.fromEntries(names.map((name) => [name, String(usual[name])]));
}

async function measure(kind: Kind, seconds: number, rounds: number): Promise<Round[]> {
  const [server, flooder] = [new Child("./server.ts"), new Child("../floods/flooder.ts")];
  const total = WARM_UP_SECONDS + 2 * seconds * rounds + 1;
  const tokens = Math.ceil(total * TOKENS_PER_SECOND);
  const readers: Reader[] = [];
  try {
    // The flooder's address is taken from a proxy header. The ten healthy clients have this machine's address.
    const env = { ...usualLimits(), TRUST_PROXY: "127.0.0.1", STREAM_TIMEOUT_SECONDS: "3600" };
    const url = await server.ask<string>("listen", { env });
    const workload = { tokens, everyMs: 1_000 / TOKENS_PER_SECOND, burst: 1, stampedLength: TOKEN_LENGTH };
    for (let index = 0; index < HEALTHY_CLIENTS; index += 1) {
      const threadId = randomUUID();
      const reader = new Reader(url, threadId, TOKEN_LENGTH);
      readers.push(reader);
      const messages = [{ id: randomUUID(), role: "user", content: JSON.stringify(workload) }];
      await reader.run({ threadId, runId: randomUUID(), messages });
    }
    await delay(WARM_UP_SECONDS * 1_000);
    const p99 = (from: number, until: number) =>
      percentile(
        readers.flatMap(({ delays }) =>
          delays.filter(({ madeAt }) => madeAt >= from && madeAt < until).map(({ ms }) => ms),
        ),
        0.99,
      );
    const all: Round[] = [];
    for (let round = 0; round < rounds; round += 1) {
      const from = now();
      await delay(seconds * 1_000);
      const floodedFrom = now();
      // A flooder that no limit knows yet, from the addresses that are reserved for documentation.
      const asked: Flood = { url, kind, seconds, address: `203.0.113.${round + 1}` };
      const flood = await flooder.ask<Flooded>("flood", asked);
      // On a busy machine the rounds take longer than planned, so the answers may end before the last round.
      if (readers.some((reader) => reader.ended)) break;
      all.push({ quiet: p99(from, floodedFrom), flooded: p99(floodedFrom, now()), flood });
    }
    await Promise.all(readers.map((reader) => reader.until(() => reader.ended || reader.closed)));
    if (all.length === 0)
      throw new Error("The answers ended before the first round was complete: this machine is too busy.");
    for (const { tokens: had, loss } of readers) {
      if (loss !== undefined || had !== tokens)
        throw new Error(`A client had ${had} of ${tokens} tokens. ${loss ?? ""}`);
    }
    return all;
  } finally {
    for (const reader of readers) reader.close();
    await Promise.all([server.close(), flooder.close()]);
  }
}
