/**
 * Compares this process's memory with its limit: near it nothing new comes in, and nearer the slowest readers are cut.
 */
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Tally } from "../counts/tally.ts";
import { SluiceError } from "../protocol/errors.ts";

/** Shares of the bound. */
const REFUSES = 0.8;
const CUTS = 0.9;

/** The share that is used of the process's memory, or of its heap: the larger of the two. */
export type Usage = () => number;

export interface MemoryOptions {
  readonly usage: Usage;
  /** Counts refusals. */
  readonly reached: Tally;
  /** Cuts the clients that are slowest to read. Gives their number. */
  readonly cutSlowest: () => number;
  /** Called when it begins to refuse, and when it ends. */
  readonly changed: (refusing: boolean, share: number) => void;
}

export class Memory {
  readonly #options: MemoryOptions;
  #refusing = false;

  constructor(options: MemoryOptions) {
    this.#options = options;
  }

  /** To be called every second or so. */
  look(): void {
    const { usage, reached, cutSlowest, changed } = this.#options;
    const share = usage();
    if (share > REFUSES !== this.#refusing) {
      this.#refusing = share > REFUSES;
      changed(this.#refusing, share);
    }
    if (share > CUTS) reached.count(SETTING, cutSlowest());
  }

  /** @throws SluiceError `overloaded` near the bound. */
  needRoom(): void {
    if (!this.#refusing) return;
    this.#options.reached.count(SETTING);
    throw new SluiceError("overloaded", "The server is short of memory. Try again later.");
  }
}

const SETTING = "MAX_MEMORY_BYTES";

/** `maxBytes`: 0 stands for what the container or the machine has. */
export function usageOf(maxBytes: number): Usage {
  // A container without a limit reports none, or more than the machine has.
  const most = maxBytes || Math.min(process.constrainedMemory() || Number.POSITIVE_INFINITY, totalmem());
  let resident = 0;
  return () => {
    const { used_heap_size: used, heap_size_limit: limit } = getHeapStatistics();
    resident = residentBytes() ?? resident;
    return Math.max(resident / most, used / limit);
  };
}

/** Reading it takes a file handle. A flood of sockets may have left none, and must not end the process. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
