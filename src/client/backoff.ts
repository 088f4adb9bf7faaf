/** Decides when to reconnect after a socket closed. The table in `protocol/errors.ts` decides whether to reconnect. */
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
 * The time to wait before the next attempt, in milliseconds. The jitter is full, because thousands of clients may come
 * back after a restart. `failures` is the number of earlier failures; `askedMs` is the pause that the server asked for.
 */
export function pauseMs(failures: number, closeCode?: number, askedMs?: number, backoff: Backoff = {}): number {
  const { firstMs = 250, longestMs = 15_000 } = backoff;
  const jittered = Math.random() * Math.min(longestMs, firstMs * 2 ** failures);
  if (askedMs !== undefined) return Math.max(askedMs, jittered);
  if (closeCode === RESTARTING) return Math.max(Math.random() * SPREAD_MS, jittered);
  return closeCode && CROWDED.has(closeCode) ? SPREAD_MS + jittered : jittered;
}
