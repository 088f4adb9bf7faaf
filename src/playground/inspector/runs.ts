/** The events run by run: the begin and end of each in the tap, its size, its evenness. */

import type { Tap, Tapped } from "../state/tap.ts";
import { Gaps, isDelta } from "./gaps.ts";

export interface RunRecord {
  readonly runId: string;
  readonly threadId: string;
  /** It reports where a thread stands, and may be no run at all. */
  readonly madeUp: boolean;
  /** Sequence numbers of its first event, and of the one after its last. */
  readonly from: number;
  readonly to: number;
  readonly ended: boolean;
  readonly events: number;
  /** Pieces of text, reasoning and arguments. */
  readonly deltas: number;
  readonly bytes: number;
  readonly gaps: Gaps;
}

/** Older ones are let go of. */
const MAX_RUNS = 20;

export class Runs {
  #runs: RunRecord[] = [];
  #seen = 0;

  /** The last is the newest. */
  get all(): readonly RunRecord[] {
    return this.#runs;
  }

  /** Takes in what is new in the tap, and lets go of the runs that the tap holds nothing of any more. */
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
    if (!run || run.ended) return; // Nothing of a run's.
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

/** An idle thread is reported as if it were a run. */
function isHistory({ madeUp, ended, deltas }: RunRecord): boolean {
  return madeUp && ended && deltas === 0;
}

/** The runs in this page's tap. Update them before reading them. */
export const runs = new Runs();
