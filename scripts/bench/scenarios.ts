/** The scenarios of the bench, the setups in which they are served, and their measurement. */
import { formatApiKey } from "../../src/config/keys.ts";
import { DEFAULT_SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import type { Transport } from "../line.ts";
import { Child } from "./child.ts";
import type { Workload } from "./graph.ts";
import { type Load, load, nothingSeen, type Seen } from "./load.ts";

export interface Scenario {
  readonly name: string;
  /** The number of simultaneous runs. */
  readonly runs: number;
  readonly workload: Workload;
  /** The number of rounds. Each measures the server and the floor, in alternating order. */
  readonly rounds: number;
  /** The repetitions per round, so that a round is long enough to measure. */
  readonly repeats: number;
  /** The highest accepted ratio of the server's CPU per token to the floor's, by source. */
  readonly target?: Readonly<Record<Source, number>>;
}

export const SOURCES = ["streamEvents", "direct"] as const;
export type Source = (typeof SOURCES)[number];

/** The way in which a server serves the scenarios. */
export interface Setup {
  readonly transport: Transport;
  readonly source: Source;
  /** `0`: each delta is sent alone. The targets apply to this value. */
  readonly coalesceMs: string;
}

export interface Result {
  readonly scenario: Scenario;
  readonly seen: Seen;
  /** The CPU per token in microseconds, for each round. */
  readonly server: number[];
  readonly floor: number[];
  /** The figures of the other build, if one is compared. */
  readonly other: number[];
}

export interface MeasureOptions {
  /** A folder for the processes' CPU profiles. */
  readonly profileTo?: string | undefined;
  /** Another build to compare with, round by round. */
  readonly other?: string | undefined;
  /** Turns on sign-in, limits and metrics, and compares with a server without them. */
  readonly guarded?: boolean | undefined;
}

/**
 * The number of tokens per turn of the event loop without a timer. A model without delay fills its socket: one read of
 * 4 kB from an OpenAI-compatible endpoint holds this many tokens, and a read may be 64 kB.
 */
export const BURST = 16;

export function unpaced(runs: number, rounds: number, repeats: number, tokens = 1_000): Scenario {
  return {
    name: `${runs} x ${tokens.toLocaleString("en")}`,
    runs,
    rounds,
    repeats,
    workload: { tokens, everyMs: 0, burst: BURST },
  };
}

/** The worst case: every token arrives in its own turn, and is sent in its own frame with its own system call. */
export function oneByOne(scenario: Scenario): Scenario {
  return { ...scenario, name: `${scenario.name} one by one`, workload: { ...scenario.workload, burst: 1 } };
}

export function paced(runs: number, perSecond: number, seconds: number): Scenario {
  const workload = { tokens: Math.ceil(perSecond * seconds), everyMs: 1_000 / perSecond, burst: 1 };
  return { name: `${runs} at ${perSecond}/s`, runs, rounds: 1, repeats: 1, workload };
}

/** The scenario that measures the cost of sign-in, limits and metrics. */
export const GUARDED: readonly Scenario[] = [
  { ...oneByOne(unpaced(20, 9, 1)), name: "guarded, 20 x 1,000 one by one" },
];

export const FULL: readonly Scenario[] = [
  oneByOne(unpaced(1, 5, 5)),
  { ...oneByOne(unpaced(20, 5, 1)), target: { streamEvents: 1.5, direct: 1 } },
  oneByOne(unpaced(100, 2, 1)),
  { ...paced(1, 30, 5), repeats: 2 },
  { ...paced(20, 30, 5), rounds: 3, target: { streamEvents: 1.4, direct: 0.9 } },
  paced(100, 30, 5),
  unpaced(1, 5, 5),
  { ...unpaced(20, 5, 1), target: { streamEvents: 1.15, direct: 0.7 } },
  unpaced(100, 2, 1),
  // The price of a run itself. A paced run shares it among few tokens.
  { ...unpaced(20, 5, 5, 1), name: "20 runs of one token" },
];

/** Small scenarios, to check that the bench works. */
export const QUICK: readonly Scenario[] = [unpaced(1, 1, 2, 100), oneByOne(unpaced(5, 1, 1, 100)), paced(5, 30, 0.5)];

/** Many short runs too: a cold start of a run costs several times as much, and paced runs have few tokens to share it. */
const WARM_UP: readonly Scenario[] = [unpaced(20, 1, 1), unpaced(20, 1, 15, 10)];

/** Measures one scenario after the other in the same processes, which are warmed up first. */
export async function measureAll(
  scenarios: readonly Scenario[],
  { transport, source, coalesceMs }: Setup,
  { profileTo, other, guarded = false }: MeasureOptions = {},
): Promise<Result[]> {
  const floor = new Child("./floor.ts", profileTo);
  const server = new Child("./server.ts", profileTo);
  const compared = guarded || other !== undefined;
  const rival = compared ? new Child("./server.ts", profileTo, other === undefined ? [] : [other]) : undefined;
  const children = [server, floor, ...(rival ? [rival] : [])];
  try {
    // A build that does not know a setting ignores it.
    const env = { STREAM_SOURCE: source, COALESCE_MS: coalesceMs };
    const guards = guarded ? guardsOf() : undefined;
    const url = await server.ask<string>("listen", { env: { ...env, ...guards?.env } });
    const rivalUrl = await rival?.ask<string>("listen", { env });
    const measure = async (scenario: Scenario): Promise<Result> => {
      const result: Result = { scenario, seen: nothingSeen(), server: [], floor: [], other: [] };
      const sides = [
        async () =>
          result.server.push(await serve(server, { url, transport, headers: guards?.headers }, scenario, result.seen)),
        async () => result.floor.push(await consume(floor, scenario)),
      ];
      if (rival && rivalUrl) {
        sides.push(async () =>
          result.other.push(await serve(rival, { url: rivalUrl, transport }, scenario, nothingSeen())),
        );
      }
      for (let round = 0; round < scenario.rounds; round += 1) {
        for (const side of round % 2 === 0 ? sides : sides.toReversed()) await side();
      }
      return result;
    };
    for (const scenario of WARM_UP) await measure(scenario);
    const results: Result[] = [];
    for (const scenario of scenarios) results.push(await measure(scenario));
    return results;
  } finally {
    await Promise.all(children.map((child) => child.close()));
  }
}

/**
 * Returns the settings for sign-in, limits and metrics, and the clients' credentials. Limits count only clients that
 * are signed in.
 */
function guardsOf() {
  const { key, known } = makeApiKey("bench", DEFAULT_SCOPES);
  const API_KEYS = formatApiKey({ ...known, scopes: [...known.scopes] });
  return { env: { AUTH: "api-key", API_KEYS, METRICS_TOKEN: key }, headers: { "X-API-Key": key } };
}

/** Returns the server's CPU per token in microseconds. */
export async function serve(
  server: Child,
  line: Pick<Load, "url" | "transport" | "headers">,
  { workload, runs, repeats }: Scenario,
  seen: Seen,
): Promise<number> {
  let micros = 0;
  for (let time = 0; time < repeats; time += 1) {
    const begin = () => server.ask<void>("startCpu");
    const close = await load({ ...line, workload, runs }, seen, begin);
    micros += await server.ask<number>("cpuMicros");
    close();
  }
  return micros / (runs * repeats * workload.tokens);
}

/** Returns the floor's CPU per token in microseconds. */
export async function consume(floor: Child, { workload, runs, repeats }: Scenario): Promise<number> {
  const { micros, tokens } = await floor.ask<{ micros: number; tokens: number }>("measure", {
    workload,
    runs,
    repeats,
  });
  if (tokens !== runs * repeats * workload.tokens) throw new Error(`The floor lost tokens: ${tokens} arrived.`);
  return micros / tokens;
}
