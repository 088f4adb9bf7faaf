/** The events as they came over the line, for the panel "Under the hood". */
import { signal } from "@preact/signals";
import type { Received, Resume } from "../transport/transport.ts";

/** The most events that are kept. Older ones are dropped. */
export const TAP_SIZE = 20_000;
/** The most bytes that are kept. Older events are dropped; the newest one always stays. */
export const TAP_BYTES = 64_000_000;

export interface Tapped extends Received {
  /** The number of the event since the page was opened, from 0. */
  readonly seq: number;
}

/** A ring of the last events. It holds the sequence numbers from `first` to `next` (exclusive). */
export class Tap {
  /** Changes after new events, at most once per frame. */
  readonly version = signal(0);
  /** The reconnects. The last is the newest. */
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

  /** Drops all events. The numbering continues. */
  clear(): void {
    this.#ring.fill(undefined);
    this.#first = this.#next;
    this.#bytes = 0;
    this.resumes.value = [];
    this.#changed();
  }

  /** Drops the oldest event. */
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
