/** Everything that came over the line, as it came: what the panel "Under the hood" shows. */
import { signal } from "@preact/signals";
import type { Received, Resume } from "../transport/transport.ts";

/** Older ones are let go of. */
export const TAP_SIZE = 20_000;
/** And so are older ones when all together are larger than this, but for the newest. */
export const TAP_BYTES = 64_000_000;

export interface Tapped extends Received {
  /** Counts from 0 over all that came since the page was opened. */
  readonly seq: number;
}

/** A ring of what came last. `first` to `next` (exclusive) are the sequence numbers it holds. */
export class Tap {
  /** Changes at most once a frame, however much came: read it to hear of news. */
  readonly version = signal(0);
  /** The reconnects, each with its way. The last is the newest. */
  readonly resumes = signal<readonly Resume[]>([]);
  readonly #ring: (Tapped | undefined)[];
  readonly #schedule: (callback: () => void) => void;
  readonly #maxBytes: number;
  #bytes = 0;
  #first = 0;
  #next = 0;
  #due = false;

  constructor(
    size: number = TAP_SIZE,
    schedule: (callback: () => void) => void = (callback) => requestAnimationFrame(callback),
    maxBytes: number = TAP_BYTES,
  ) {
    this.#ring = new Array(size);
    this.#maxBytes = maxBytes;
    this.#schedule = schedule;
  }

  get first(): number {
    return this.#first;
  }

  get next(): number {
    return this.#next;
  }

  at(seq: number): Tapped | undefined {
    return seq >= this.#first && seq < this.#next ? this.#ring[seq % this.#ring.length] : undefined;
  }

  push(received: Received): void {
    if (this.#next - this.#first === this.#ring.length) this.#drop();
    this.#ring[this.#next % this.#ring.length] = { ...received, seq: this.#next };
    this.#next += 1;
    this.#bytes += received.bytes;
    while (this.#bytes > this.#maxBytes && this.#next - this.#first > 1) this.#drop();
    this.#changed();
  }

  resumed(resume: Resume): void {
    this.resumes.value = [...this.resumes.value.slice(-99), resume];
  }

  /** Forgets what came so far; the numbering goes on. */
  clear(): void {
    this.#ring.fill(undefined);
    this.#first = this.#next;
    this.#bytes = 0;
    this.resumes.value = [];
    this.#changed();
  }

  /** Lets go of the oldest. */
  #drop(): void {
    const slot = this.#first % this.#ring.length;
    this.#bytes -= this.#ring[slot]?.bytes ?? 0;
    this.#ring[slot] = undefined;
    this.#first += 1;
  }

  #changed(): void {
    if (this.#due) return;
    this.#due = true;
    this.#schedule(() => {
      this.#due = false;
      this.version.value += 1;
    });
  }
}

export const tap = new Tap();
