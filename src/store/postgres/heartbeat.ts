/** The proof that a process lives: a row whose time is renewed from a separate thread. */
import { once } from "node:events";
import { Worker } from "node:worker_threads";

/** Milliseconds between two heartbeats, and before another try when one failed. */
export const BEAT_MS = 5_000;
export const RETRY_MS = 500;

/** Milliseconds without a heartbeat after which a process counts as dead. */
export const DEAD_MS = 15_000;

/** Does a row of `instances` belong to a process that lives? */
export const ALIVE = `instances.seen_at > now() - interval '${DEAD_MS} milliseconds'`;

/** Milliseconds without a heartbeat after which a process stops its own runs, before others may take them over. */
export const LEASE_MS = 10_000;

export interface HeartbeatData {
  readonly url: string;
  readonly instance: string;
  /**
   * Three numbers: the time of the last good heartbeat, the time since which none has failed (0: the last one failed),
   * and the number of lapses of the lease. Times are in ns of a monotonic clock.
   */
  readonly times: BigInt64Array;
}

/** Milliseconds that ending may take. */
const END_MS = 2_000;

export class Heartbeat {
  readonly #times = new BigInt64Array(new SharedArrayBuffer(24));
  readonly #worker: Worker;

  constructor(url: string, instance: string) {
    const workerData: HeartbeatData = { url, instance, times: this.#times };
    const file = new URL(import.meta.url.replace(/heartbeat(\.[jt]s)$/, "heartbeat-worker$1"));
    // From sources, a worker has no loader for TypeScript until it makes one itself.
    this.#worker = file.pathname.endsWith(".ts")
      ? new Worker(`import("tsx/esm/api").then(({ register }) => (register(), import("${file.href}")))`, {
          workerData,
          eval: true,
        })
      : new Worker(file, { workerData });
    this.#worker.unref();
  }

  /** Resolves after the first heartbeat. */
  async begun(): Promise<void> {
    if (this.#load(0) === 0n) await once(this.#worker, "message");
  }

  /** Milliseconds since the last good heartbeat was sent. */
  get ageMs(): number {
    return since(this.#load(0));
  }

  /** Counts the lapses of the lease. A process that was halted may report again before it looks at the age. */
  get lapses(): number {
    const lapsesNow = this.ageMs > LEASE_MS ? 1 : 0;
    return lapsesNow + Number(this.#load(2));
  }

  /** Milliseconds since which every heartbeat was good. */
  get unbrokenMs(): number {
    const from = this.#load(1);
    return from === 0n || this.ageMs > LEASE_MS ? 0 : since(from);
  }

  /** Removes the row, so that others need not wait, and ends the thread. */
  async end(): Promise<void> {
    this.#worker.postMessage("end");
    const late = setTimeout(() => void this.#worker.terminate(), END_MS);
    await once(this.#worker, "exit");
    clearTimeout(late);
  }

  #load(index: 0 | 1 | 2): bigint {
    return Atomics.load(this.#times, index);
  }
}

function since(time: bigint): number {
  return Number(process.hrtime.bigint() - time) / 1e6;
}
