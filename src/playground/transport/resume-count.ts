/**
 * Separates missed entries from new ones after a reconnect. Entries that the log held when the line was back were
 * missed; later entries are new. The server reports the end of its log.
 */
import { type Cursor, parseCursor } from "../../protocol/cursor.ts";
import type { Resume } from "./transport.ts";

export interface Step {
  /**
   * The thread's position after this step. Absent if the step belongs to the next one that has a position, or if the
   * line has no positions.
   */
  readonly cursor?: string | undefined;
  /** The number of log entries that this step brings for the first time. */
  readonly entries?: number;
  readonly lost?: number;
  readonly doubled?: number;
}

/** The state from the reconnect until the line has caught up. */
interface Back {
  readonly at: number;
  /** The end of the log at the reconnect. */
  readonly head: Cursor | undefined;
  /** When the last missed entry arrived. */
  endedAt: number;
  /** The thread is sent again from its beginning: the first position ends the catch-up. */
  anew: boolean;
  counts: { replayed: number; lost: number; doubled: number };
}

export class ResumeCount {
  readonly #done: (resume: Resume) => void;
  #lostAt: number | undefined;
  #from: string | undefined;
  #back: Back | undefined;

  constructor(done: (resume: Resume) => void) {
    this.#done = done;
  }

  /** Reports that the line was lost. `from`: the cursor after which it will continue. */
  lost(from: string | undefined): void {
    this.#lostAt ??= performance.now();
    this.#back = undefined;
    this.#from = from;
  }

  /** Reports that the line is back. The missed entries, up to `head`, follow. Does nothing if the line was not lost. */
  open(head: string | undefined): void {
    if (this.#lostAt === undefined || this.#back) return;
    const at = performance.now();
    const counts = { replayed: 0, lost: 0, doubled: 0 };
    this.#back = { at, head: positionOf(head), endedAt: at, anew: false, counts };
    if (distance(this.#from, head) === 0) this.finish();
  }

  /** Counts the entries of a step. Returns `true` if at least one of them was missed. */
  heard({ cursor, entries = 0, lost = 0, doubled = 0 }: Step): boolean {
    const back = this.#back;
    if (!back) return false;
    const left = this.#leftAfter(back, cursor);
    const missed = Math.min(entries, Math.max(0, entries + left));
    // A narrowed view may omit the entry at the head, so the first entry after it ends the catch-up too.
    const news = cursor !== undefined && missed + doubled === 0;
    if (!news) {
      const { counts } = back;
      back.endedAt = performance.now();
      back.counts = { replayed: counts.replayed + missed, lost: counts.lost + lost, doubled: counts.doubled + doubled };
    }
    if (cursor !== undefined && left <= 0) this.finish();
    return !news;
  }

  /** Reports that the missed entries are no longer kept. The next events describe the thread from its beginning. */
  gap(): void {
    if (this.#back) this.#back.anew = true;
  }

  /** Ends the catch-up. A line without positions calls this itself. */
  finish(): void {
    if (!this.#back) return;
    const { at, endedAt, anew, counts } = this.#back;
    const lostAt = this.#lostAt ?? at;
    this.stop();
    this.#done({ from: this.#from, at, anew, ...counts, tookMs: endedAt - lostAt });
  }

  stop(): void {
    this.#lostAt = this.#back = undefined;
  }

  /** Returns the number of missed entries that follow this position. */
  #leftAfter({ head, anew }: Back, cursor: string | undefined): number {
    const position = positionOf(cursor);
    if (!position || anew || this.#from === undefined || head?.epoch !== position.epoch) return 0;
    return head.offset - position.offset;
  }
}

/** Returns the number of entries between two cursors, or `undefined` if they are of different logs. */
export function distance(from: string | undefined, to: string | undefined): number | undefined {
  const [earlier, later] = [positionOf(from), positionOf(to)];
  return earlier && later?.epoch === earlier.epoch ? later.offset - earlier.offset : undefined;
}

function positionOf(cursor: string | undefined): Cursor | undefined {
  return cursor === undefined ? undefined : parseCursor(cursor);
}
