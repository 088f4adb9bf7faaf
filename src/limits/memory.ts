/**
 * Compares this process's memory with its limit. Near the limit, new runs and sockets are refused; still nearer, the
 * slowest readers are cut.
 */
import { totalmem } from "node:os";
import { getHeapStatistics } from "node:v8";
import type { Tally } from "../counts/tally.ts";
import { SluiceError } from "../protocol/errors.ts";

/** Shares of the bound. */
const REFUSES = 0.8;
const CUTS = 0.9;

/** Returns the used share of the process's memory or of its heap, whichever is larger. */
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

  /** Measures the memory. Call it about every second. */
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

/** Makes a `Usage`. `maxBytes` 0 means the memory of the container or machine. */
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

/** Reading the memory needs a file handle. If a flood of sockets uses all handles, this must not end the process. */
function residentBytes(): number | undefined {
  try {
    return process.memoryUsage.rss();
  } catch {
    return undefined;
  }
}
