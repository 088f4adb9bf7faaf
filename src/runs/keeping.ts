/**
 * Keeps the transcript of an active run in the store. Each part is stored before the graph's memory of it: the process
 * that takes the run over continues from that memory, and does not send again what the graph remembers.
 */
import { setImmediate as nextTurn } from "node:timers/promises";

export class Keeping {
  readonly #threadId: string;
  readonly #keep: () => Promise<void>;
  /** A node has ended, or a message was taken back, since the last write began; or that write failed. */
  #isBehind = false;
  #last: Promise<void> = Promise.resolve();

  /** `keep` stores the transcript as it is when it is called. */
  constructor(threadId: string, keep: () => Promise<void>) {
    this.#threadId = threadId;
    this.#keep = keep;
  }

  /** A node has ended, of the graph itself (`isOfRoot`) or of a graph inside it. */
  nodeEnded(isOfRoot: boolean): void {
    this.#isBehind = true;
    // Not every graph has a checkpointer that asks for it.
    if (isOfRoot) this.#write();
  }

  /** Messages were taken back. */
  takenBack(): void {
    this.#isBehind = true;
  }

  /** The graph is about to store something of a thread. @throws what `keep` throws. */
  readonly storing = async (threadId: string): Promise<void> => {
    if (threadId !== this.#threadId) return;
    // One turn later, all events of the step have been read (see `GraphRun.read`).
    await nextTurn();
    // A write that fails before it is needed costs nothing: it is made again here.
    await this.over();
    if (this.#isBehind) this.#write();
    await this.#last;
  };

  /** Resolves when the last write is over. Never rejects. */
  over(): Promise<void> {
    return this.#last.catch(() => {});
  }

  #write(): void {
    this.#isBehind = false;
    this.#last = this.over().then(this.#keep);
    this.#last.catch(() => {
      this.#isBehind = true;
    });
  }
}
