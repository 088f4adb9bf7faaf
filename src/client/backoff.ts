/** When to come back after a socket closed, and when not to. */

export interface Backoff {
  /** The longest first pause, in milliseconds; it doubles with each failure. Default 250. */
  readonly firstMs?: number;
  /** The longest pause of all, in milliseconds. Default 15 000. */
  readonly longestMs?: number;
  /** Give up after this many failures in a row. Default: never. */
  readonly attempts?: number;
}

/** Coming back would meet the same refusal: what was sent is wrong, or may not be said. */
const FINAL: Readonly<Record<number, string>> = {
  1002: "bad_request",
  1003: "bad_request",
  1007: "bad_request",
  1008: "forbidden",
  1009: "payload_too_large",
  4400: "bad_request",
  4401: "unauthorized",
  4403: "forbidden",
  4404: "not_found",
  4406: "bad_request",
};

/** The error code behind a close code after which nobody comes back. */
export function finalCode(closeCode: number): string | undefined {
  return FINAL[closeCode];
}

const RESTARTING = 1012;
const CROWDED: ReadonlySet<number> = new Set([1013, 4429]);
const SPREAD_MS = 5_000;

/**
 * How long to wait before the next attempt, in milliseconds. The jitter is full: after a restart thousands come back,
 * and none of them knows of the others. `failures` counts those before this one; `askedMs` is what the server asked for.
 */
export function pauseMs(failures: number, closeCode: number, askedMs: number | undefined, backoff: Backoff): number {
  const { firstMs = 250, longestMs = 15_000 } = backoff;
  const jittered = Math.random() * Math.min(longestMs, firstMs * 2 ** failures);
  if (askedMs !== undefined) return Math.max(askedMs, jittered);
  if (closeCode === RESTARTING) return Math.max(Math.random() * SPREAD_MS, jittered);
  return CROWDED.has(closeCode) ? SPREAD_MS + jittered : jittered;
}
