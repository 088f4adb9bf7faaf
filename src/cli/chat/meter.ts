/** Measures a model's speed and token usage since the user asked. */
import type { TokenUsage } from "../../protocol/events.ts";
import { isRecord } from "../../protocol/input.ts";

/** The figures after a run has ended. A figure that no model reported is absent. */
export interface Measures {
  readonly inputTokens?: number;
  readonly outputTokens?: number;
  /** Milliseconds from the question to the first piece of a model's output. */
  readonly firstTokenMs?: number;
  /** The rate while tokens came. The wait for the first token and the time of tools do not count. */
  readonly tokensPerSecond?: number;
}

/** Milliseconds. A message that came in less time came at once, which gives no rate. */
const SHORTEST_STREAM_MS = 20;

export class Meter {
  readonly #askedAt: number;
  #firstAt: number | undefined;
  /** When the first and the last piece of a message came, by its id. */
  readonly #messages = new Map<string, { readonly first: number; last: number }>();
  readonly #usage = { inputTokens: 0, outputTokens: 0, reported: false };
  readonly #streamed = { tokens: 0, ms: 0 };

  constructor(askedAt: number) {
    this.#askedAt = askedAt;
  }

  /** A piece of a message came. */
  heard(messageId: string, at: number): void {
    this.#firstAt ??= at;
    const message = this.#messages.get(messageId);
    if (message) message.last = at;
    else this.#messages.set(messageId, { first: at, last: at });
  }

  /** The value of a `sluice.model_call`: a message is complete, and this is what it took. */
  modelCall(value: unknown): void {
    const { messageId, usage } = isRecord(value) ? value : {};
    const tokens = isRecord(usage) ? usage.outputTokens : undefined;
    const message = this.#messages.get(String(messageId));
    if (!message || typeof tokens !== "number" || message.last - message.first < SHORTEST_STREAM_MS) return;
    // The time is measured between tokens, so the first token does not count.
    this.#streamed.tokens += tokens - 1;
    this.#streamed.ms += message.last - message.first;
  }

  /** The tokens that a run used. Runs that a question parts count as one. */
  used(usage: readonly TokenUsage[] = []): void {
    for (const { inputTokens = 0, outputTokens = 0 } of usage) {
      this.#usage.inputTokens += inputTokens;
      this.#usage.outputTokens += outputTokens;
      this.#usage.reported = true;
    }
  }

  get measures(): Measures {
    const { inputTokens, outputTokens, reported } = this.#usage;
    const { tokens, ms } = this.#streamed;
    return {
      ...(reported ? { inputTokens, outputTokens } : {}),
      ...(this.#firstAt === undefined ? {} : { firstTokenMs: this.#firstAt - this.#askedAt }),
      ...(ms > 0 ? { tokensPerSecond: (tokens / ms) * 1_000 } : {}),
    };
  }
}
