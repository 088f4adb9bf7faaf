/**
 * Bounds the arguments of a model's tool calls while they stream. LangChain parses all that has come anew with each
 * piece, so that megabytes in small pieces would take minutes of everybody's time.
 */
export class ArgumentBound {
  readonly #maxBytes: number;
  readonly #exceeded: () => void;
  /** Bytes so far, by the model's run. */
  readonly #bytes = new Map<string, number>();

  /** `exceeded` is called once a model call, before the piece that is too much is put to the others. */
  constructor(maxBytes: number, exceeded: () => void) {
    this.#maxBytes = maxBytes;
    this.#exceeded = exceeded;
  }

  saw(runId: string, fields: unknown): void {
    const pieces = (fields as { chunk?: { message?: { tool_call_chunks?: unknown } } } | undefined)?.chunk?.message
      ?.tool_call_chunks;
    if (!Array.isArray(pieces) || pieces.length === 0) return;
    const before = this.#bytes.get(runId) ?? 0;
    const bytes = pieces.reduce((sum: number, piece: { args?: unknown }) => {
      return sum + (typeof piece.args === "string" ? Buffer.byteLength(piece.args) : 0);
    }, before);
    this.#bytes.set(runId, bytes);
    if (before <= this.#maxBytes && bytes > this.#maxBytes) this.#exceeded();
  }

  ended(runId: string): void {
    this.#bytes.delete(runId);
  }
}
