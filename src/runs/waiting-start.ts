/** A start's place among the starts of all processes on one thread. It takes a place only when it has to wait. */
import type { ServedAgent } from "../graph/registry.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Instances, Place } from "../store/instances.ts";
import type { RunRecord } from "../store/store.ts";

export class WaitingStart {
  readonly #instances: Instances;
  readonly #threadId: string;
  readonly #signal: AbortSignal | undefined;
  #place: Place | undefined;
  /** The run that was asked to yield. */
  #asked: string | undefined;
  #settle: () => void = () => {};
  /** Resolves when this start has a place, or needs none any more. */
  readonly settled = new Promise<void>((resolve) => {
    this.#settle = resolve;
  });

  /** `signal` aborts when nobody waits any more. */
  constructor(instances: Instances, threadId: string, signal: AbortSignal | undefined) {
    this.#instances = instances;
    this.#threadId = threadId;
    this.#signal = signal;
  }

  /** Is no earlier start waiting for the thread? */
  async isNext(): Promise<boolean> {
    return this.#place ? this.#place.isFirst() : !(await this.#instances.isAwaited(this.#threadId));
  }

  /** @throws SluiceError `overloaded` when as many starts wait as may. */
  async enter(): Promise<void> {
    try {
      this.#place = await this.#instances.enter(this.#threadId);
    } finally {
      this.#settle();
    }
  }

  /**
   * Waits until the thread may have become free, or refuses to. Without `inTheWay`, earlier starts wait for the thread.
   * @throws SluiceError `thread_busy`, `overloaded`.
   */
  async makeRoom(whenBusy: ServedAgent["whenBusy"], inTheWay: RunRecord | undefined): Promise<void> {
    if (!this.#place) {
      // The thread may become free before this start has a place: the caller looks again.
      return this.enter();
    }
    if (whenBusy === "reject") await this.#askToYield(inTheWay);
    else if (whenBusy === "interrupt" && inTheWay) await this.#instances.ask(this.#threadId, "cancel");
    await this.#place.changed(this.#signal);
  }

  /** Gives the place to the next start. Leaving twice changes nothing. */
  async leave(): Promise<void> {
    this.#settle();
    const place = this.#place;
    this.#place = undefined;
    await place?.leave();
  }

  async #askToYield(inTheWay: RunRecord | undefined): Promise<void> {
    if (!inTheWay || inTheWay.runId === this.#asked) throw busyWith(inTheWay);
    this.#asked = inTheWay.runId;
    await this.#instances.ask(this.#threadId, "yield");
  }
}

export function busyWith(
  inTheWay: { readonly runId: string; readonly status?: RunRecord["status"] } | undefined,
): SluiceError {
  if (!inTheWay) return new SluiceError("thread_busy", "Other runs wait for this thread. Cancel them, or wait.");
  const { runId, status } = inTheWay;
  if (status === "deleting") return new SluiceError("thread_busy", "This thread is being deleted. Wait.");
  return new SluiceError("thread_busy", `Run "${runId}" is active on this thread. Cancel it, or wait.`, {
    details: { runId },
  });
}
