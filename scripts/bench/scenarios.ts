/** The load that is measured: scenarios, the setups in which they are served, and the measuring. */
import { formatApiKey } from "../../src/config/keys.ts";
import { DEFAULT_SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import type { Transport } from "../line.ts";
import { Child } from "./child.ts";
import type { Workload } from "./graph.ts";
import { type Load, load, nothingSeen, type Seen } from "./load.ts";

export interface Scenario {
  readonly name: string;
  /** At the same time. */
  readonly runs: number;
  readonly workload: Workload;
  /** Each measures the server and the floor, one after the other, in alternating order. */
  readonly rounds: number;
  /** Repetitions in a round, so that it is long enough to measure. */
  readonly repeats: number;
  /** The most that the server's CPU a token may be, as a multiple of the floor's, by source. */
  readonly target?: Readonly<Record<Source, number>>;
}

export const SOURCES = ["streamEvents", "direct"] as const;
export type Source = (typeof SOURCES)[number];

/** The way in which a server serves the scenarios. */
export interface Setup {
  readonly transport: Transport;
  readonly source: Source;
  /** `0`: each delta leaves by itself. Targets are held against this one. */
  readonly coalesceMs: string;
}

export interface Result {
  readonly scenario: Scenario;
  readonly seen: Seen;
  /** Microseconds of CPU a token, one for each round. */
  readonly server: number[];
  readonly floor: number[];
  /** The figures of another build, where one is compared. */
  readonly other: number[];
}

export interface MeasureOptions {
  /** A folder that takes the processes' CPU profiles. */
  readonly profileTo?: string | undefined;
  /** Another build to compare with, round by round. */
  readonly other?: string | undefined;
  /** The server has sign-in, limits and metrics on. It is compared with one that has none of them. */
  readonly guarded?: boolean | undefined;
}

/**
 * Tokens that come in one turn of the event loop where no timer paces them. A model without delay fills the socket
 * it is read from: one read of 4 kB brings as many from an OpenAI-compatible endpoint, and a read may be 64 kB.
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

/** The worst case: every token comes in a turn of its own, and leaves in a frame and a system call of its own. */
export function oneByOne(scenario: Scenario): Scenario {
  return { ...scenario, name: `${scenario.name} one by one`, workload: { ...scenario.workload, burst: 1 } };
}

export function paced(runs: number, perSecond: number, seconds: number): Scenario {
  const workload = { tokens: Math.ceil(perSecond * seconds), everyMs: 1_000 / perSecond, burst: 1 };
  return { name: `${runs} at ${perSecond}/s`, runs, rounds: 1, repeats: 1, workload };
}

/** The cost of sign-in, limits and metrics is measured in it. */
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
];

/** To see that the bench works. */
export const QUICK: readonly Scenario[] = [unpaced(1, 1, 2, 100), oneByOne(unpaced(5, 1, 1, 100)), paced(5, 30, 0.5)];

const WARM_UP: Scenario = unpaced(20, 1, 1);

/** Measures one scenario after the other in the same processes, all warmed up first. */
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
    // A build that does not know a setting leaves it alone.
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
    await measure(WARM_UP);
    const results: Result[] = [];
    for (const scenario of scenarios) results.push(await measure(scenario));
    return results;
  } finally {
    await Promise.all(children.map((child) => child.close()));
  }
}

/** The settings that guard a server, and the clients' credentials. Limits count only clients that have signed in. */
function guardsOf() {
  const { key, known } = makeApiKey("bench", DEFAULT_SCOPES);
  const API_KEYS = formatApiKey({ ...known, scopes: [...known.scopes] });
  return { env: { AUTH: "api-key", API_KEYS, METRICS_TOKEN: key }, headers: { "X-API-Key": key } };
}

/** Microseconds of the server's CPU a token. */
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

/** Microseconds of the floor's CPU a token. */
async function consume(floor: Child, { workload, runs, repeats }: Scenario): Promise<number> {
  const { micros, tokens } = await floor.ask<{ micros: number; tokens: number }>("measure", {
    workload,
    runs,
    repeats,
  });
  if (tokens !== runs * repeats * workload.tokens) throw new Error(`The floor lost tokens: ${tokens} arrived.`);
  return micros / tokens;
}
