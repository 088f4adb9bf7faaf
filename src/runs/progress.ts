/** Reports how far a run has come, no more often than was asked for. A run that was not asked reports nothing. */
import type { GraphEvent } from "../protocol/graph-event.ts";
import { type Counted, type Progress, TokenCount } from "../translate/token-count.ts";

/** The seconds between two reports, where the client names none. */
const USUAL_SECONDS = 0.5;

/** The milliseconds between two; `undefined` where nobody asked. */
export function progressEvery(asked: boolean | number): number | undefined {
  if (asked === false) return undefined;
  return (asked === true ? USUAL_SECONDS : asked) * 1_000;
}

/**
 * The first report leaves with the first token. Each further report leaves when the count has changed. A change that
 * comes too early waits until the next report may leave, so a report before a pause has the last count.
 */
export class ProgressReports {
  readonly #everyMs: number;
  readonly #report: (progress: Progress) => void;
  readonly #count: TokenCount;
  readonly #startedAt: number;
  #nextAt = performance.now();
  #timer: NodeJS.Timeout | undefined;

  /** `before`: the count in the process before, and the time that the run had there. */
  constructor(
    everyMs: number,
    report: (progress: Progress) => void,
    before?: { readonly counted?: Counted | undefined; readonly spent: { readonly ms: number } },
  ) {
    this.#everyMs = everyMs;
    this.#report = report;
    this.#count = new TokenCount(before?.counted);
    this.#startedAt = performance.now() - (before?.spent.ms ?? 0);
  }

  get counted(): Counted {
    return this.#count.soFar;
  }

  /** An admitted event. */
  saw(event: GraphEvent): void {
    if (this.#count.push(event, performance.now() - this.#startedAt)) this.#soon();
  }

  /** A refused event: it is not counted, but a model call may have ended with it. */
  refused({ event, run_id }: GraphEvent): void {
    const ends = event === "on_chat_model_end" || event === "on_llm_end";
    if (ends && this.#count.end(run_id)) this.#soon();
  }

  /** Sends nothing more. */
  stop(): void {
    clearTimeout(this.#timer);
  }

  /** Sends the last report, however recent the one before was. */
  end(): void {
    this.#say({ final: true });
  }

  #soon(): void {
    if (this.#timer !== undefined) return;
    const wait = this.#nextAt - performance.now();
    if (wait <= 0) this.#say();
    else this.#timer = setTimeout(() => this.#say(), Math.ceil(wait));
  }

  #say(more: Pick<Progress, "final"> = {}): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    const now = performance.now();
    this.#nextAt = now + this.#everyMs;
    this.#report({ ...this.#count.at(now - this.#startedAt), ...more });
  }
}
