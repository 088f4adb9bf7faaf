/** The frames of the `langgraph` format: admitted graph events, under the same rules as the AG-UI events. */
import { serializeGraphEvent } from "../graph/serialize.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import type { DataFields } from "../protocol/public-data.ts";
import { Rules } from "../translate/rules.ts";
import type { TranslatorOptions } from "../translate/translator.ts";
import { saidBetween, saidInPieces, shapeWithoutReasoning } from "../translate/without-reasoning.ts";

export interface GraphFramesOptions
  extends Pick<TranslatorOptions, "tokens" | "reasoning" | "nodes" | "reasoningTags"> {
  /** The parts of `data` that the agent shows, by event name. */
  readonly fields: DataFields;
}

/**
 * A parser's input is everything that a model said, and a chain's end may hold messages. In values of other shapes
 * nobody can find what has to be left out.
 */
const NO_PARSERS: DataFields = { on_parser_start: [], on_parser_stream: [], on_parser_end: [] };
const NO_CHAINS: DataFields = { on_chain_start: [], on_chain_stream: [], on_chain_end: [] };

export class GraphFrames {
  readonly #options: GraphFramesOptions;
  readonly #rules: Rules;
  /** Readers of text that comes in pieces, by LangGraph's run id. */
  readonly #said = new Map<string, (text: string) => string>();

  constructor(options: GraphFramesOptions) {
    this.#options = options;
    this.#rules = new Rules(options);
  }

  /** Returns the frame of an event, or `undefined` for a piece where only whole messages are sent. */
  of(event: GraphEvent): string | undefined {
    const { tokens, reasoning, messages } = this.#rules.of(event);
    if (!tokens && event.event.endsWith("_stream")) return undefined;
    const { fields } = this.#options;
    if (reasoning && messages) return serializeGraphEvent(event, { fields });
    return serializeGraphEvent(event, {
      fields: { ...fields, ...NO_PARSERS, ...(messages ? {} : NO_CHAINS) },
      ...(reasoning ? {} : { convert: shapeWithoutReasoning(this.#saidIn(event)) }),
    });
  }

  /**
   * Notes a piece that was sent to nobody. A reader that joins in the middle of a text cannot distinguish thoughts in
   * it, so the text's later pieces are not sent either.
   */
  missed(event: GraphEvent): void {
    if (this.#options.reasoningTags.length === 0 || !event.event.endsWith("_stream")) return;
    if (!this.#rules.of(event).reasoning) this.#said.set(event.run_id, () => "");
  }

  #saidIn({ event, run_id }: GraphEvent): (text: string) => string {
    const { reasoningTags } = this.#options;
    if (!event.endsWith("_stream")) {
      this.#said.delete(run_id);
      return saidBetween(reasoningTags);
    }
    const said = this.#said.get(run_id) ?? saidInPieces(reasoningTags);
    this.#said.set(run_id, said);
    return said;
  }
}
