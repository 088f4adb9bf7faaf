/** The points of a thread that a run may go back to. Pure. */
import type { BegunRun, ThreadRecord } from "../store/store.ts";
import { positionsIn } from "./history.ts";

/** The point that a run goes back to. With `repeats` the run gets the messages right before it again. */
export type Return = Pick<Point, "after" | "repeats">;

/** A thread as it stood once: the first messages of its transcript. */
export interface Point {
  /** The last of these messages; `undefined` before the first one. */
  readonly after: string | undefined;
  /** The number of these messages. */
  readonly length: number;
  /** It lies after the messages that a run began with: a run that goes back to it gets them again. */
  readonly repeats: boolean;
}

/**
 * The points before each run, and after the user's messages that the run began with. The latest comes first. The end of
 * the transcript is such a point only if it is one of the user's messages, as after a run that failed at once. Points
 * of branches that were left are none.
 */
export function pointsOf(thread: ThreadRecord | undefined, runs: readonly BegunRun[]): Point[] {
  const messages = thread?.messages ?? [];
  const positionOf = positionsIn(messages, thread?.removed ?? []);
  const repeating = new Map<number, boolean>();
  for (const { beginsAfter } of runs) {
    const start = positionOf(beginsAfter);
    if (start === undefined) continue;
    let answer = start;
    while (messages[answer]?.role === "user") answer += 1;
    if (answer > start) repeating.set(answer, true);
    repeating.set(start, repeating.get(start) ?? false);
  }
  return [...repeating]
    .filter(([length, repeats]) => length < messages.length || repeats)
    .sort(([a], [b]) => b - a)
    .map(([length, repeats]) => ({ after: messages[length - 1]?.id, length, repeats }));
}
