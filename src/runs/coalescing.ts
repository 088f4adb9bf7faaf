/** Saves writes under load: decides how long a delta may wait, so that it is written together with the next ones. */

import { performance } from "node:perf_hooks";

/** Shorter than anybody notices, and long enough for several tokens of a fast model. */
const BUSY_MS = 20;

/** The share of its time that a busy event loop works. Below it, each delta can have its own write. */
const BUSY_SHARE = 0.8;

/** Milliseconds between two looks at the event loop. */
const LOOK_MS = 100;

/** Milliseconds that deltas may wait: a fixed number, or 20 while the process is busy and 0 otherwise. */
export function coalescing(
  setting: number | "auto",
  loop: Pick<typeof performance, "now" | "eventLoopUtilization"> = performance,
): () => number {
  if (setting !== "auto") return () => setting;
  let seen = loop.eventLoopUtilization();
  let lookedAt = loop.now();
  let busy = false;
  return () => {
    const now = loop.now();
    if (now - lookedAt >= LOOK_MS) {
      const standing = loop.eventLoopUtilization();
      busy = loop.eventLoopUtilization(standing, seen).utilization > BUSY_SHARE;
      seen = standing;
      lookedAt = now;
    }
    return busy ? BUSY_MS : 0;
  };
}
