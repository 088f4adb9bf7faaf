/** The runs in the tap: where each begins and ends, its size, and the gaps between its tokens. */

import type { Tap, Tapped } from "../state/tap.ts";
import { Gaps, isDelta } from "./gaps.ts";

export interface RunRecord {
  readonly runId: string;
  readonly threadId: string;
  /** It reports the thread's current state, and may not be a run. */
  readonly madeUp: boolean;
  /** The sequence number of its first event; `to` is the one after its last event. */
  readonly from: number;
  readonly to: number;
  readonly ended: boolean;
  readonly events: number;
  /** Pieces of text, reasoning and arguments. */
  readonly deltas: number;
  readonly bytes: number;
  readonly gaps: Gaps;
}

/** The most runs that are kept. Older runs are dropped. */
const MAX_RUNS = 20;

export class Runs {
  #runs: RunRecord[] = [];
  #seen = 0;

  /** The last is the newest. */
  get all(): readonly RunRecord[] {
    return this.#runs;
  }

  /** Reads the tap's new events, and drops the runs that have no events left in the tap. */
  update(tap: Pick<Tap, "first" | "next" | "at">): void {
    for (let seq = Math.max(this.#seen, tap.first); seq < tap.next; seq += 1) {
      const tapped = tap.at(seq);
      if (tapped) this.#push(tapped);
    }
    this.#seen = tap.next;
    this.#runs = this.#runs.filter((run) => run.to > tap.first && !isHistory(run)).slice(-MAX_RUNS);
  }

  #push(tapped: Tapped): void {
    const { event, seq, bytes } = tapped;
    let run = this.#runs.at(-1);
    if (event.type === "RUN_STARTED" && event.runId !== run?.runId) {
      const { runId, threadId, timestamp } = event;
      const madeUp = timestamp === undefined;
      run = {
        runId,
        threadId,
        madeUp,
        from: seq,
        to: seq,
        ended: false,
        events: 0,
        deltas: 0,
        bytes: 0,
        gaps: new Gaps(),
      };
      this.#runs.push(run);
    }
    if (!run || run.ended) return; // The event does not belong to a run.
    run.gaps.push(tapped);
    this.#runs[this.#runs.length - 1] = {
      ...run,
      to: seq + 1,
      ended: event.type === "RUN_FINISHED" || event.type === "RUN_ERROR",
      events: run.events + 1,
      deltas: run.deltas + (isDelta(event) ? 1 : 0),
      bytes: run.bytes + bytes,
    };
  }
}

/** Returns whether a run is only the report of an idle thread, which looks like a run. */
function isHistory({ madeUp, ended, deltas }: RunRecord): boolean {
  return madeUp && ended && deltas === 0;
}

/** The runs in this page's tap. Update them before reading them. */
export const runs = new Runs();
