/**
 * Detects answers that were cut off: the connection closed, and LangChain takes the part that arrived as the whole
 * answer. The sign is a missing finish reason, from a provider that always gives one.
 */
import type { ModelEnd } from "./model-end.ts";

/**
 * By LangChain's `ls_provider`. For other providers it is not known whether they always give a reason, so their answers
 * are never called cut.
 */
const GIVE_REASONS = new Set([
  "openai",
  "azure",
  "anthropic",
  "amazon_bedrock",
  "google_genai",
  "groq",
  "mistral",
  "deepseek",
  "ollama",
]);

/** Providers that send the usage last. If the reason is missing, the usage still shows that the answer is complete. */
const USAGE_IS_LAST = new Set(["openai", "azure", "groq", "mistral", "deepseek", "ollama"]);

export class CutAnswers {
  /** Providers that give reasons, by the ids of model runs that are open. */
  readonly #providers = new Map<string, string>();
  /** The answers that came in pieces. */
  readonly #streamed = new Set<string>();
  #any = false;

  /** Was any answer of the run cut? */
  get any(): boolean {
    return this.#any;
  }

  started(runId: string, metadata: Record<string, unknown> | undefined): void {
    const provider = metadata?.ls_provider;
    if (typeof provider === "string" && GIVE_REASONS.has(provider)) this.#providers.set(runId, provider);
  }

  streamed(runId: string): void {
    this.#streamed.add(runId);
  }

  failed(runId: string): void {
    this.#providers.delete(runId);
    this.#streamed.delete(runId);
  }

  /** Takes the end of a model's run: was its answer cut? */
  ended(runId: string, end: ModelEnd): boolean {
    const provider = this.#providers.get(runId);
    const cut = provider !== undefined && this.#streamed.has(runId) && !isWhole(end, provider);
    this.failed(runId);
    this.#any ||= cut;
    return cut;
  }
}

function isWhole({ readable, stopped, usage }: ModelEnd, provider: string): boolean {
  if (!readable) return true; // LangChain itself fails on it.
  return stopped || (USAGE_IS_LAST.has(provider) && usage !== undefined);
}
