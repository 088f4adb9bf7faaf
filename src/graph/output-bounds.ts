/**
 * Bounds the output of a run's models while it streams. LangChain parses all arguments so far again with each piece, so
 * megabytes in small pieces would block the process for minutes.
 */
import { isRecord } from "../protocol/input.ts";

export interface OutputLimits {
  /** Bytes that the arguments of one model call's tool calls may have. */
  readonly callArgumentBytes: number;
  /** The same for all model calls of a run together. */
  readonly runArgumentBytes: number;
  /** Tokens that all model calls of a run may give together, including those of hidden nodes. */
  readonly runTokens: number;
}

export const NO_OUTPUT_LIMITS: OutputLimits = {
  callArgumentBytes: Number.POSITIVE_INFINITY,
  runArgumentBytes: Number.POSITIVE_INFINITY,
  runTokens: Number.POSITIVE_INFINITY,
};

/** The output of a run's models so far. */
export interface Output {
  readonly tokens: number;
  readonly argumentBytes: number;
}

export const NO_OUTPUT: Output = { tokens: 0, argumentBytes: 0 };

interface Call {
  /** Pieces so far: each counts as a token until the call's end says how many there were. */
  pieces: number;
  argumentBytes: number;
}

export class OutputBounds {
  readonly #limits: OutputLimits;
  readonly #exceeded: (limit: keyof OutputLimits) => void;
  /** By the model's run. */
  readonly #calls = new Map<string, Call>();
  #tokens: number;
  #argumentBytes: number;
  #over = false;

  /**
   * `exceeded` is called once, before LangChain adds the piece that is too much to the answer. `before`: the output in the
   * process before.
   */
  constructor(limits: OutputLimits, exceeded: (limit: keyof OutputLimits) => void, before: Output = NO_OUTPUT) {
    this.#limits = limits;
    this.#exceeded = exceeded;
    this.#tokens = before.tokens;
    this.#argumentBytes = before.argumentBytes;
  }

  get output(): Output {
    return { tokens: this.#tokens, argumentBytes: this.#argumentBytes };
  }

  saw(runId: string, fields: unknown): void {
    const call = this.#callOf(runId);
    call.pieces += 1;
    this.#tokens += 1;
    const bytes = argumentBytesIn(fields);
    if (bytes > 0) {
      call.argumentBytes += bytes;
      this.#argumentBytes += bytes;
    }
    this.#check(call);
  }

  /**
   * A model call is over. `usage`: the tokens that the model reports, in LangChain's form. Not all models report them.
   */
  ended(runId: string, usage?: unknown): void {
    const call = this.#calls.get(runId);
    this.#calls.delete(runId);
    const reported = isRecord(usage) && typeof usage.output_tokens === "number" ? usage.output_tokens : 0;
    this.#tokens += Math.max(reported - (call?.pieces ?? 0), 0);
    this.#check(call);
  }

  #callOf(runId: string): Call {
    const known = this.#calls.get(runId);
    if (known) return known;
    const call = { pieces: 0, argumentBytes: 0 };
    this.#calls.set(runId, call);
    return call;
  }

  #check(call: Call | undefined): void {
    const { callArgumentBytes, runArgumentBytes, runTokens } = this.#limits;
    if (this.#over) return;
    if (call !== undefined && call.argumentBytes > callArgumentBytes) this.#end("callArgumentBytes");
    else if (this.#argumentBytes > runArgumentBytes) this.#end("runArgumentBytes");
    else if (this.#tokens > runTokens) this.#end("runTokens");
  }

  #end(limit: keyof OutputLimits): void {
    this.#over = true;
    this.#exceeded(limit);
  }
}

function argumentBytesIn(fields: unknown): number {
  const pieces = (fields as { chunk?: { message?: { tool_call_chunks?: unknown } } } | undefined)?.chunk?.message
    ?.tool_call_chunks;
  if (!Array.isArray(pieces) || pieces.length === 0) return 0;
  return pieces.reduce(
    (sum: number, { args }: { args?: unknown }) => sum + (typeof args === "string" ? Buffer.byteLength(args) : 0),
    0,
  );
}
