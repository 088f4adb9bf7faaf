/** When to come back after a socket closed. Whether to, the table in `protocol/errors.ts` says. */
import { ERRORS } from "../protocol/errors.ts";

/** The pauses between attempts to connect. Each is a random part of its maximum. */
export interface Backoff {
  /** The longest first pause, in milliseconds; it doubles with each failure. Default 250. */
  readonly firstMs?: number;
  /** The longest pause of all, in milliseconds. Default 15 000. */
  readonly longestMs?: number;
  /** Give up after this many failures in a row. Default: never. */
  readonly attempts?: number;
}

const RESTARTING = ERRORS.draining.close;
const CROWDED: ReadonlySet<number> = new Set([ERRORS.overloaded.close, ERRORS.rate_limited.close]);
const SPREAD_MS = 5_000;

/**
 * The time to wait before the next attempt, in milliseconds. The jitter is full: after a restart thousands come back,
 * and none of them knows of the others. `failures` counts those before this one; `askedMs` is what the server asked for.
 */
export function pauseMs(failures: number, closeCode: number, askedMs: number | undefined, backoff: Backoff): number {
  const { firstMs = 250, longestMs = 15_000 } = backoff;
  const jittered = Math.random() * Math.min(longestMs, firstMs * 2 ** failures);
  if (askedMs !== undefined) return Math.max(askedMs, jittered);
  if (closeCode === RESTARTING) return Math.max(Math.random() * SPREAD_MS, jittered);
  return CROWDED.has(closeCode) ? SPREAD_MS + jittered : jittered;
}
