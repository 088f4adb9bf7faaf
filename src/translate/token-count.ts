/**
 * The tokens that the model calls of a run have given so far, and their pace. It has no clock: its caller gives the
 * times.
 */
import type { GraphEvent } from "../protocol/graph-event.ts";
import { usageOf } from "../protocol/model-report.ts";
import { type MessageLike, messageIn, partsOf, toolCallPieces } from "./content.ts";
import { Usage } from "./usage.ts";

/** The progress of a run: the value of `sluice.progress`. */
export interface Progress {
  /** The output of its model calls: the models' own numbers for those that have ended, and the pieces of the others. */
  readonly tokens: number;
  /** The most that these calls may give; absent where a call has no limit that is known. */
  readonly limit?: number;
  /** The pace of a call, over the time between its first piece and its last. */
  readonly tokensPerSecond?: number;
  /** From the run's start to the first piece. */
  readonly timeToFirstTokenMs?: number;
  /** Since the run's start. */
  readonly elapsedMs: number;
  /** The last of the run. */
  readonly final?: true;
}

/** A model call that has not ended. */
interface Call {
  pieces: number;
  lastAt: number;
}

/** The count so far, in plain JSON. */
export interface Counted {
  readonly tokens: number;
  /** The sum of all calls' limits; absent once a call had no known limit. */
  readonly limit?: number | undefined;
  readonly firstAt?: number | undefined;
  /** Tokens that came after another one of their call, and the time they took. */
  readonly paced: number;
  readonly pacedMs: number;
}

const NOTHING: Counted = { tokens: 0, limit: 0, paced: 0, pacedMs: 0 };

/**
 * Counts admitted events only: not even the amount of refused output is reported. Times are milliseconds since the
 * run's start.
 */
export class TokenCount {
  readonly #usage = new Usage();
  readonly #calls = new Map<string, Call>();
  #tokens: number;
  #limit: number | undefined;
  #firstAt: number | undefined;
  #paced: number;
  #pacedMs: number;

  /** `before`: the count in the process before. */
  constructor({ tokens, limit, firstAt, paced, pacedMs }: Counted = NOTHING) {
    this.#tokens = tokens;
    this.#limit = limit;
    this.#firstAt = firstAt;
    this.#paced = paced;
    this.#pacedMs = pacedMs;
  }

  get soFar(): Counted {
    const [tokens, limit, firstAt] = [this.#tokens, this.#limit, this.#firstAt];
    return { tokens, limit, firstAt, paced: this.#paced, pacedMs: this.#pacedMs };
  }

  /** Notes an admitted event. `true` when it changed the count. */
  push(event: GraphEvent, at: number): boolean {
    const ends = event.event === "on_chat_model_end" || event.event === "on_llm_end";
    const message = messageIn(event);
    if (ends) this.#usage.end(event, event.usage ?? usageOf(message ?? {}));
    else this.#usage.chunk(event, message?.usage_metadata);
    // The end of a call that streamed repeats what was counted.
    const piece = message !== undefined && !(ends && this.#calls.has(event.run_id)) && says(message);
    if (piece) this.#piece(event, at);
    const ended = ends && this.end(event.run_id);
    return piece || ended;
  }

  /** Notes the end of a model call. The call's own number replaces the counted pieces. `true` if the two differ. */
  end(runId: string): boolean {
    const pieces = this.#calls.get(runId)?.pieces ?? 0;
    this.#calls.delete(runId);
    // Some endpoints report 0 for every call.
    const uncounted = (this.#usage.of(runId)?.outputTokens || pieces) - pieces;
    this.#tokens += uncounted;
    if (pieces > 1) this.#paced += uncounted;
    return uncounted !== 0;
  }

  /** The progress at a time, in milliseconds after the start. */
  at(elapsedMs: number): Progress {
    return {
      tokens: this.#tokens,
      ...(this.#firstAt === undefined || this.#limit === undefined ? {} : { limit: this.#limit }),
      ...(this.#pacedMs > 0 ? { tokensPerSecond: Math.round((this.#paced / this.#pacedMs) * 10_000) / 10 } : {}),
      ...(this.#firstAt === undefined ? {} : { timeToFirstTokenMs: Math.round(this.#firstAt) }),
      elapsedMs: Math.round(elapsedMs),
    };
  }

  #piece({ run_id: runId, metadata }: GraphEvent, at: number): void {
    this.#firstAt ??= at;
    this.#tokens += 1;
    const call = this.#calls.get(runId);
    if (call) {
      this.#paced += 1;
      this.#pacedMs += at - call.lastAt;
      call.pieces += 1;
      call.lastAt = at;
      return;
    }
    this.#calls.set(runId, { pieces: 1, lastAt: at });
    const { ls_max_tokens: limit } = metadata;
    const limited = typeof limit === "number" && limit > 0;
    this.#limit = limited && this.#limit !== undefined ? this.#limit + limit : undefined;
  }
}

function says(message: MessageLike): boolean {
  return partsOf(message).length > 0 || toolCallPieces(message).length > 0;
}
