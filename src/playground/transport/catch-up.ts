/**
 * Tells what is caught up on, after the line has been gone, from what is new: what the log held when the line was back
 * was missed, what lies behind that is new. How far the log reached the server is asked; until it has said, and where it
 * cannot say, what comes in one go was missed.
 */
import type { Resume } from "./transport.ts";

/** A pause that no backlog has. */
const PAUSE_MS = 8;
/** Nothing was missed when nothing comes for this long. */
const NOTHING_MS = 120;
/** What is left out may hide the end of what was missed: this much silence is the end too. */
const QUIET_MS = 1_000;
/** Where nothing is left out, the end surely comes: only a server in trouble keeps it back for this long. */
const LATE_MS = 15_000;

export interface Position {
  readonly epoch: string;
  readonly offset: number;
}

export interface Arrival {
  /** Where the thread stands behind it. Without one it belongs to what comes next, or the line has none. */
  readonly position?: Position;
  /** How many entries of the log it covers that were not told before. */
  readonly entries?: number;
  readonly lost?: number;
  readonly doubled?: number;
}

/** From the line's return until it has caught up. */
interface Back {
  readonly at: number;
  readonly quietMs: number;
  /** How far the log reached. `asked`: the server has not said yet. */
  head: Position | "asked" | undefined;
  /** What came before the server said. */
  readonly early: (Arrival & { readonly at: number })[];
  /** When the last of it came that was missed. */
  endedAt: number;
  anew: boolean;
  counts: { replayed: number; lost: number; doubled: number };
}

export class CatchUp {
  readonly #done: (resume: Resume) => void;
  readonly #headOf: () => Promise<string | undefined>;
  #lostAt: number | undefined;
  #from: string | undefined;
  #back: Back | undefined;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** `headOf` asks the server how far the thread's log reaches; it is asked only where something had come before. */
  constructor(done: (resume: Resume) => void, headOf: () => Promise<string | undefined>) {
    this.#done = done;
    this.#headOf = headOf;
  }

  /** The line is gone. `from`: where it will go on. */
  lost(from: string | undefined): void {
    clearTimeout(this.#timer);
    this.#lostAt ??= performance.now();
    this.#back = undefined;
    this.#from = from;
  }

  /**
   * The line is back, and what was missed comes next. Does nothing when it was not gone. `narrowed`: something is left
   * out of it.
   */
  open(narrowed = false): void {
    if (this.#lostAt === undefined || this.#back) return;
    const at = performance.now();
    const counts = { replayed: 0, lost: 0, doubled: 0 };
    const quietMs = narrowed ? QUIET_MS : LATE_MS;
    const back: Back = { at, quietMs, endedAt: at, anew: false, head: undefined, early: [], counts };
    this.#back = back;
    this.#finishAfter(NOTHING_MS);
    const from = positionOf(this.#from);
    if (!from?.offset) return;
    back.head = "asked";
    clearTimeout(this.#timer);
    this.#headOf().then(
      (head) => this.#toldHead(back, from, positionOf(head)),
      () => this.#toldHead(back, from, undefined), // Then what came in one go was missed, as above.
    );
  }

  /** Something came. `true`: it was missed before. */
  heard(arrival: Arrival): boolean {
    const back = this.#back;
    if (!back) return false;
    const at = performance.now();
    if (back.head === "asked") {
      back.early.push({ ...arrival, at });
      return true;
    }
    return this.#count(back, arrival, at);
  }

  /** What was missed is kept no more: what comes tells the thread anew. */
  gap(): void {
    if (this.#back) this.#back.anew = true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#lostAt = this.#back = undefined;
  }

  #toldHead(back: Back, from: Position, head: Position | undefined): void {
    if (this.#back !== back) return;
    back.head = head;
    this.#finishAfter(head ? back.quietMs : NOTHING_MS);
    for (const { at, ...arrival } of back.early) if (this.#back === back) this.#count(back, arrival, at);
    if (this.#back === back && head?.epoch === from.epoch && head.offset <= from.offset) this.#finish(back);
  }

  /** `true`: at least a part of it was missed. */
  #count(back: Back, { position, entries = 0, lost = 0, doubled = 0 }: Arrival, at: number): boolean {
    const head = back.head === "asked" ? undefined : back.head;
    const left = head && position?.epoch === head.epoch ? head.offset - position.offset : undefined;
    const missed = left === undefined ? entries : Math.min(entries, Math.max(0, entries + left));
    const { counts } = back;
    if (position && missed + doubled === 0) {
      this.#finish(back);
      return false;
    }
    back.endedAt = at;
    back.counts = { replayed: counts.replayed + missed, lost: counts.lost + lost, doubled: counts.doubled + doubled };
    if (left !== undefined && left <= 0) this.#finish(back);
    else this.#finishAfter(head ? back.quietMs : PAUSE_MS);
    return true;
  }

  /** A busy page may be late to hear what has come: it gets the chance to, before the silence counts. */
  #finishAfter(ms: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      this.#timer = setTimeout(() => this.#back && this.#finish(this.#back));
    }, ms);
  }

  #finish({ at, endedAt, anew, counts }: Back): void {
    const lostAt = this.#lostAt ?? at;
    this.stop();
    this.#done({ from: this.#from, at, anew, ...counts, tookMs: endedAt - lostAt });
  }
}

/** The position that a cursor names. */
export function positionOf(cursor: string | undefined): Position | undefined {
  if (cursor === undefined) return undefined;
  const [epoch = "", offset] = cursor.split(":");
  return { epoch, offset: Number(offset) };
}
