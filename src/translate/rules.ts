/** The rules of a run and of its nodes, for each place in the graph. */
import { type GraphEvent, nodeNames } from "../protocol/graph-event.ts";
import type { JsonLimits } from "../protocol/json.ts";
import { PLAIN } from "../protocol/plain-shape.ts";
import type { NodeRules, TranslatorOptions } from "./translator.ts";
import { saidBetween, shapeWithoutReasoning } from "./without-reasoning.ts";

/** The rules of one place. */
export type PlaceRules = Required<Record<keyof NodeRules, boolean>>;

type RuleOptions = Pick<TranslatorOptions, "tokens" | "reasoning" | "reasoningTags" | "nodes" | "maxEventBytes">;

/** It is used for every token, so the rules of a node's execution are computed once. */
export class Rules {
  readonly #options: RuleOptions;
  readonly #known = new Map<unknown, PlaceRules>();

  constructor(options: RuleOptions) {
    this.#options = options;
  }

  /** The rules for the node that an event happened in, and for the nodes around it. */
  of(event: GraphEvent): PlaceRules {
    const place = event.metadata.langgraph_checkpoint_ns;
    const known = this.#known.get(place);
    if (known) return known;
    const { tokens, reasoning, nodes } = this.#options;
    const own = nodeNames(event).flatMap((name) => nodes[name] ?? []);
    const rules = {
      // Like filters, a node can only narrow what the run sends.
      tokens: tokens && own.every((rules) => rules.tokens !== false),
      reasoning: reasoning && own.every((rules) => rules.reasoning !== false),
      messages: own.every((rules) => rules.messages !== false),
    };
    this.#known.set(place, rules);
    return rules;
  }

  /** The largest size of a value from a graph or a tool, and the form of messages in it. */
  plain(event: GraphEvent): JsonLimits {
    const { maxEventBytes, reasoningTags } = this.#options;
    const size = maxEventBytes === undefined ? {} : { maxBytes: maxEventBytes };
    if (this.of(event).reasoning) return { ...PLAIN, ...size };
    return { convert: shapeWithoutReasoning(saidBetween(reasoningTags)), ...size };
  }
}
