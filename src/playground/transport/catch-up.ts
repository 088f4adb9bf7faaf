/**
 * Tells what is caught up on, after the line has been gone, from what is new. No transport says where the one ends and
 * the other begins; what was missed comes in one go, so the first pause is taken for it.
 */
import type { Resume } from "./transport.ts";

/** A pause that no backlog has. */
const PAUSE_MS = 8;
/** Nothing was missed when nothing comes for this long. */
const QUIET_MS = 120;

export class CatchUp {
  readonly #done: (resume: Resume) => void;
  #lostAt: number | undefined;
  #openAt: number | undefined;
  #heardAt = 0;
  #from: string | undefined;
  #counts = { replayed: 0, lost: 0, doubled: 0 };
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(done: (resume: Resume) => void) {
    this.#done = done;
  }

  /** The line is gone. `from`: where it will go on. */
  lost(from: string | undefined): void {
    clearTimeout(this.#timer);
    this.#lostAt ??= performance.now();
    this.#openAt = undefined;
    this.#from = from;
  }

  /** The line is back, and what was missed comes next. Does nothing when it was not gone. */
  open(from: string | undefined = this.#from): void {
    if (this.#lostAt === undefined || this.#openAt !== undefined) return;
    this.#from = from;
    this.#openAt = performance.now();
    this.#counts = { replayed: 0, lost: 0, doubled: 0 };
    this.#timer = setTimeout(() => this.#finish(performance.now()), QUIET_MS);
  }

  /** Something came. `true`: it was missed before. */
  heard({ replayed = 0, lost = 0, doubled = 0 }: Partial<Record<"replayed" | "lost" | "doubled", number>>): boolean {
    if (this.#openAt === undefined) return false;
    const now = performance.now();
    const begun = this.#counts.replayed + this.#counts.doubled > 0;
    if (begun && now - this.#heardAt > PAUSE_MS) {
      this.#finish(this.#heardAt);
      return false;
    }
    this.#heardAt = now;
    this.#counts = {
      replayed: this.#counts.replayed + replayed,
      lost: this.#counts.lost + lost,
      doubled: this.#counts.doubled + doubled,
    };
    return true;
  }

  stop(): void {
    clearTimeout(this.#timer);
    this.#lostAt = this.#openAt = undefined;
  }

  #finish(end: number): void {
    const [lostAt = end, at = end] = [this.#lostAt, this.#openAt];
    this.stop();
    this.#done({ from: this.#from, at, ...this.#counts, tookMs: Math.max(end, at) - lostAt });
  }
}
