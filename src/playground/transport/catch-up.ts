/**
 * Separates entries that were missed while the line was gone from new ones: those that the log held when the line was
 * back were missed, and later ones are new. The server says how far its log reached.
 */
import { type Cursor, parseCursor } from "../../protocol/cursor.ts";
import type { Resume } from "./transport.ts";

export interface Step {
  /** The thread's position after it. Absent: it belongs to the next step that has one, or the line has no positions. */
  readonly cursor?: string | undefined;
  /** The number of log entries that came with it for the first time. */
  readonly entries?: number;
  readonly lost?: number;
  readonly doubled?: number;
}

/** From the line's return until it has caught up. */
interface Back {
  readonly at: number;
  /** The position that the log had reached. */
  readonly head: Cursor | undefined;
  /** When the last of it came that was missed. */
  endedAt: number;
  /** The thread is sent anew: the first position that comes ends the catch-up. */
  anew: boolean;
  counts: { replayed: number; lost: number; doubled: number };
}

export class CatchUp {
  readonly #done: (resume: Resume) => void;
  #lostAt: number | undefined;
  #from: string | undefined;
  #back: Back | undefined;

  constructor(done: (resume: Resume) => void) {
    this.#done = done;
  }

  /** The line is gone. `from`: the cursor that it will go on after. */
  lost(from: string | undefined): void {
    this.#lostAt ??= performance.now();
    this.#back = undefined;
    this.#from = from;
  }

  /** The line is back, and what was missed up to `head` comes next. Does nothing if the line was not gone. */
  open(head: string | undefined): void {
    if (this.#lostAt === undefined || this.#back) return;
    const at = performance.now();
    const counts = { replayed: 0, lost: 0, doubled: 0 };
    this.#back = { at, head: positionOf(head), endedAt: at, anew: false, counts };
    if (distance(this.#from, head) === 0) this.finish();
  }

  /** Something came. `true`: at least a part of it was missed before. */
  heard({ cursor, entries = 0, lost = 0, doubled = 0 }: Step): boolean {
    const back = this.#back;
    if (!back) return false;
    const left = this.#leftAfter(back, cursor);
    const missed = Math.min(entries, Math.max(0, entries + left));
    // The view may leave out the entry at the head: the first entry beyond it ends the catch-up too.
    const news = cursor !== undefined && missed + doubled === 0;
    if (!news) {
      const { counts } = back;
      back.endedAt = performance.now();
      back.counts = { replayed: counts.replayed + missed, lost: counts.lost + lost, doubled: counts.doubled + doubled };
    }
    if (cursor !== undefined && left <= 0) this.finish();
    return !news;
  }

  /** The missed entries are no longer kept: the events that come show the thread anew. */
  gap(): void {
    if (this.#back) this.#back.anew = true;
  }

  /** It has caught up. A line without positions calls this itself. */
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

  /** The number of missed entries that are still to come after this position. */
  #leftAfter({ head, anew }: Back, cursor: string | undefined): number {
    const position = positionOf(cursor);
    if (!position || anew || this.#from === undefined || head?.epoch !== position.epoch) return 0;
    return head.offset - position.offset;
  }
}

/** The number of entries from `from` to `to`; `undefined` between two logs. */
export function distance(from: string | undefined, to: string | undefined): number | undefined {
  const [earlier, later] = [positionOf(from), positionOf(to)];
  return earlier && later?.epoch === earlier.epoch ? later.offset - earlier.offset : undefined;
}

function positionOf(cursor: string | undefined): Cursor | undefined {
  return cursor === undefined ? undefined : parseCursor(cursor);
}
