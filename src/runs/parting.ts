/** Stops a run between two steps of its graph, once it was asked to and a process lives that can go on with it. */
import { type GraphControl, tooManySteps } from "../graph/between-steps.ts";
import type { StoredStep } from "../store/checkpointer.ts";

export class Parting {
  /** LangGraph looks at it before each step. */
  readonly control: GraphControl = { drainRequested: false, drainReason: "another process goes on" };
  readonly #threadId: string;
  /** Another process took the run's first steps. */
  readonly #wentOn: boolean;
  #firstStep: number | undefined;
  #hasSuccessor: (() => Promise<boolean>) | undefined;

  /** `firstStep`: the run's first step, where another process took it. */
  constructor(threadId: string, firstStep?: number) {
    this.#threadId = threadId;
    this.#wentOn = firstStep !== undefined;
    this.#firstStep = firstStep;
  }

  /** The run's first step; `undefined` while none is over. */
  get firstStep(): number | undefined {
    return this.#firstStep;
  }

  /** From now on the run is to stop at its next chance. */
  ask(hasSuccessor: () => Promise<boolean>): void {
    this.#hasSuccessor = hasSuccessor;
  }

  /** A checkpoint of a thread's graph is stored: the step that made it is over. */
  readonly stored = async ({ threadId, namespace, step, recursionLimit }: StoredStep): Promise<void> => {
    if (threadId !== this.#threadId || namespace !== "") return;
    this.#firstStep ??= step;
    // LangGraph counts only the steps that the graph takes in this process.
    const taken = step - this.#firstStep;
    if (this.#wentOn && recursionLimit !== undefined && taken > recursionLimit) throw tooManySteps(recursionLimit);
    if (!this.#hasSuccessor) return;
    // Without an answer the run goes on here.
    this.control.drainRequested = await this.#hasSuccessor().catch(() => false);
  };

  /** A step begins. The graphs inside the graph have the same control, and are not to stop. */
  began(): void {
    this.control.drainRequested = false;
  }
}
