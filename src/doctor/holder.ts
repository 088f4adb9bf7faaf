/** Finds the program that holds up a server's events, by its headers, its address and its own clock. Pure. */
import type { Arrival, DeliveredMessage, ServerEvidence } from "./evidence.ts";
import { duration } from "./measures.ts";
import { type Verdict, type VerdictCode, verdict } from "./verdict.ts";

type Rows = [string, string][];

/** A program with such a name in `Server` stands in front of other servers. */
const PROXIES = /nginx|openresty|apache|caddy|envoy|cloud|varnish|traefik|litespeed|awselb|squid|akamai|haproxy/i;
const LOOPBACK = /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/i;
/** Fewer timestamps show no spread. */
const STAMPS = 3;
/**
 * Timestamps that follow the arrivals cover at least this share of their time. Otherwise they were set once, or in
 * whole seconds.
 */
const IN_STEP = 0.5;

export interface Holder {
  readonly code: VerdictCode;
  readonly who: string;
  /** The reason for this choice, if it is not obvious. */
  readonly because: string;
}

export function holderOf(server: ServerEvidence): Holder {
  const { headers, url, sluice } = server;
  const compressed = headers["content-encoding"];
  if (compressed) return { code: "compression-buffers", who: `compression (${compressed})`, because: "" };
  const named = headers.via ?? headers["x-cache"] ?? (PROXIES.test(headers.server ?? "") || undefined);
  // A Sluice does not hold events back.
  const mayHold = sluice !== url;
  if (named === undefined && mayHold && LOOPBACK.test(new URL(url).hostname)) {
    const length = headers["content-length"] === undefined ? "" : "it set Content-Length, and ";
    return { code: "server-buffers", who: "the server itself", because: ` (${length}no header shows a proxy)` };
  }
  return { code: "proxy-buffers", who: "a proxy on the way", because: "" };
}

/** A verdict about the program that holds the answer back. `how` describes it. */
export function heldBack(how: (holder: Holder) => string, rows: Rows, server: ServerEvidence): Verdict {
  const holder = holderOf(server);
  const { overWebSocketMs } = server;
  const socket: Rows =
    overWebSocketMs === undefined ? [] : [["over the WebSocket", `it arrives over ${duration(overWebSocketMs)}`]];
  return verdict("fault", holder.code, how(holder), [...rows, ...headerRows(server), ...socket]);
}

/** Headers that no streamed response needs, and that point to a program that collects it. */
export function suspects({ headers }: ServerEvidence): string[] {
  return ["content-encoding", "content-length", "via", "x-cache"].filter((name) => headers[name] !== undefined);
}

export function headerRows(server: ServerEvidence): Rows {
  if (server.transport === "ws") return [];
  const shown = [...suspects(server), "server"].flatMap((name): Rows => {
    const value = server.headers[name];
    return value === undefined ? [] : [[name, value]];
  });
  return [...shown, ["x-accel-buffering", server.headers["x-accel-buffering"] ?? "missing"]];
}

/** The time in which the answer was made, by the server's clock, and the time in which it arrived here. */
export function madeSpan(
  answer: DeliveredMessage,
  { arrivals }: ServerEvidence,
): { readonly madeMs: number; readonly arrivedMs: number } | undefined {
  const { madeFrom, madeTo, startedAt, endedAt } = answer;
  if (madeFrom !== undefined && madeTo !== undefined && endedAt !== undefined) {
    return { madeMs: madeTo - madeFrom, arrivedMs: endedAt - startedAt };
  }
  const stamps = stamped(arrivals);
  const [first, last] = [stamps[0], stamps.at(-1)];
  if (!first || !last || stamps.length < 2) return undefined;
  return { madeMs: last.made - first.made, arrivedMs: last.at - first.at };
}

/**
 * The extra time that some events took on their way, by the server's clock: events that nothing holds back all take the
 * same time. The clocks need only run at one speed, not agree. `undefined` where the timestamps cannot show it.
 */
export function heldMs({ arrivals }: ServerEvidence): number | undefined {
  const stamps = stamped(arrivals);
  const [first, last] = [stamps[0], stamps.at(-1)];
  if (!first || !last || stamps.length < STAMPS || stamps.every(({ made }) => made % 1_000 === 0)) return undefined;
  if (last.made - first.made < (last.at - first.at) * IN_STEP) return undefined;
  const delays = stamps.map(({ at, made }) => at - made);
  return Math.max(...delays) - Math.min(...delays);
}

function stamped(arrivals: readonly Arrival[]): { at: number; made: number }[] {
  return arrivals.flatMap(({ at, made }) => (typeof made === "number" ? [{ at, made }] : []));
}
