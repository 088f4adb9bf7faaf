/** Stops a run between two steps of its graph, once it was asked to and a process lives that can go on with it. */
import type { GraphControl } from "../graph/source.ts";

export class Parting {
  /** LangGraph looks at it before each step. */
  readonly control: GraphControl = { drainRequested: false, drainReason: "another process goes on" };
  readonly #threadId: string;
  #hasSuccessor: (() => Promise<boolean>) | undefined;

  constructor(threadId: string) {
    this.#threadId = threadId;
  }

  /** From now on the run is to stop at its next chance. */
  ask(hasSuccessor: () => Promise<boolean>): void {
    this.#hasSuccessor = hasSuccessor;
  }

  /** A checkpoint of a thread's graph is stored: the step that made it is over. */
  readonly stored = async (threadId: string): Promise<void> => {
    if (threadId !== this.#threadId || !this.#hasSuccessor) return;
    // Without an answer the run goes on here.
    this.control.drainRequested = await this.#hasSuccessor().catch(() => false);
  };

  /** A step begins. The graphs inside the graph have the same control, and are not to stop. */
  began(): void {
    this.control.drainRequested = false;
  }
}
