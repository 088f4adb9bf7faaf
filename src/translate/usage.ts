/** Tokens used, by model call, and their sum by provider and model. */
import { aggregateTokenUsage, tokenUsageFromLangChainMetadata } from "@ag-ui/core";
import type { TokenUsage } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";

export class Usage {
  readonly #calls = new Map<string, TokenUsage[]>();

  /**
   * Notes a chunk's or a message's `usage_metadata`. The chunks of one call add up, as LangChain's own aggregation
   * has it; the finished message repeats their sum, so `whole` counts only where no chunk told.
   */
  note(event: GraphEvent, usageMetadata: unknown, whole: boolean): void {
    if (!usageMetadata) return;
    const noted = this.#calls.get(event.run_id);
    if (whole && noted) return;
    const { ls_provider: provider, ls_model_name: model } = event.metadata;
    const usage = tokenUsageFromLangChainMetadata(usageMetadata, {
      ...(typeof provider === "string" ? { provider } : {}),
      ...(typeof model === "string" ? { model } : {}),
    });
    if (!usage) return;
    if (noted) noted.push(usage);
    else this.#calls.set(event.run_id, [usage]);
  }

  /** What one model call used. */
  of(runId: string): TokenUsage | undefined {
    return aggregateTokenUsage(this.#calls.get(runId) ?? [])[0];
  }

  /** One entry by provider and model; nothing when no model told. */
  get total(): TokenUsage[] | undefined {
    const entries = [...this.#calls.values()].flat();
    return entries.length > 0 ? aggregateTokenUsage(entries) : undefined;
  }
}
