/** Tokens used, by model call, and their sum by provider and model. */
import { aggregateTokenUsage, tokenUsageFromLangChainMetadata } from "@ag-ui/core";
import type { TokenUsage } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";

/** Numbers are noted in the form of LangChain's `usage_metadata`. */
export class Usage {
  readonly #calls = new Map<string, TokenUsage[]>();
  /** The final usage of calls: nodes wrap a model's answer in messages of their own, its usage included. */
  readonly #ofCalls = new WeakSet<object>();

  /** `earlier`: the sum of the calls that another process counted. */
  constructor(earlier: readonly TokenUsage[] = []) {
    if (earlier.length > 0) this.#calls.set("", [...earlier]);
  }

  /** Adds the usage of a chunk. The chunks of one call add up, as in LangChain's own aggregation. */
  chunk(event: GraphEvent, usage: unknown): void {
    if (usage) this.#add(event, usage);
  }

  /** Adds the usage of a whole call, unless its chunks reported usage. */
  end(event: GraphEvent, usage: unknown): void {
    if (!isObject(usage)) return;
    this.#ofCalls.add(usage);
    if (!this.#calls.has(event.run_id)) this.#add(event, usage);
  }

  /** Adds the usage of a message that is sent at its node's end, unless its call was counted. */
  message(event: GraphEvent, usage: unknown): void {
    if (!isObject(usage) || this.#ofCalls.has(usage)) return;
    this.#ofCalls.add(usage);
    this.#add(event, usage);
  }

  /** The usage of one model call. */
  of(runId: string): TokenUsage | undefined {
    return aggregateTokenUsage(this.#calls.get(runId) ?? [])[0];
  }

  /** One entry for each provider and model; `undefined` when no model reported usage. */
  get total(): TokenUsage[] | undefined {
    const entries = [...this.#calls.values()].flat();
    return entries.length > 0 ? aggregateTokenUsage(entries) : undefined;
  }

  #add({ run_id, metadata }: GraphEvent, given: unknown): void {
    const { ls_provider: provider, ls_model_name: model } = metadata;
    const usage = tokenUsageFromLangChainMetadata(given, {
      ...(typeof provider === "string" ? { provider } : {}),
      ...(typeof model === "string" ? { model } : {}),
    });
    if (!usage) return;
    const noted = this.#calls.get(run_id);
    if (noted) noted.push(usage);
    else this.#calls.set(run_id, [usage]);
  }
}

function isObject(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}
