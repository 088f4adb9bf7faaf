/** Collects the values inside a graph while it runs, and finds those that clients should not see. */
import type { AllowList } from "../graph/allow-list.ts";
import type { ServedAgent } from "../graph/registry.ts";
import { type GraphEvent, isNode, nodePath } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { Rules } from "../translate/rules.ts";
import { type Canary, type Kind, pieces, textsOf } from "./canary.ts";
import type { ModelCall } from "./scripted-model.ts";

export class Observed {
  /** Paths of nodes that ran. */
  readonly nodes = new Set<string>();
  readonly #agent: ServedAgent;
  readonly #rules: Rules;
  /** Texts by kind and name: `state\0plan`. */
  readonly #texts = new Map<string, Set<string>>();
  /** The starts of models' calls, by run id. */
  readonly #calls = new Map<string, GraphEvent>();

  constructor(agent: ServedAgent) {
    this.#agent = agent;
    this.#rules = new Rules(agent);
  }

  /** The same list, with every event of a run seen before the list judges it: with its true place and its subagents. */
  watch(allowList: AllowList): AllowList {
    return {
      ...allowList,
      admits: (event) => {
        this.#see(event);
        return allowList.admits(event);
      },
      narrow: (spec) => this.watch(allowList.narrow(spec)),
    };
  }

  #see(event: GraphEvent): void {
    const path = nodePath(event);
    if (event.event === "on_chat_model_start") {
      this.#calls.set(event.run_id, event);
      this.#add("prompt", path.join("/"), systemTexts(event.data));
    }
    if (event.event !== "on_chain_end" || path.length === 0 || !isNode(event)) return;
    const node = path.join("/");
    this.nodes.add(node);
    const output = isRecord(event.data) ? event.data.output : undefined;
    if (this.#isHidden(event)) this.#add("node", node, textsOf(output));
    for (const [key, value] of Object.entries(isRecord(output) ? output : {})) {
      if (key !== "messages" && !this.#agent.stateKeys.includes(key)) this.#add("state", key, textsOf(value));
    }
  }

  #isHidden(event: GraphEvent): boolean {
    return !this.#agent.allowList.admitsPlace(event) || !this.#rules.of(event).messages;
  }

  /** An event of this call. If one was seen, it has its subagents. */
  #eventOf({ place, runId = "" }: ModelCall): GraphEvent {
    const seen = this.#calls.get(runId) ?? { ...place, run_id: runId, data: {} };
    return { ...seen, event: "on_chat_model_stream" };
  }

  #add(kind: Kind, name: string, texts: Iterable<string>): void {
    const key = `${kind}\0${name}`;
    const known = this.#texts.get(key) ?? new Set();
    this.#texts.set(key, known);
    for (const text of texts) for (const piece of pieces(text)) known.add(piece);
  }

  /**
   * The canaries in all observed values, and in the calls of models. A value in `shown` is no secret: the client sent
   * it, or models and tools sent it to clients.
   */
  canaries(calls: readonly ModelCall[], shown: readonly string[]): Canary[] {
    const { allowList } = this.#agent;
    const placed = calls.map((call) => ({ ...call, event: this.#eventOf(call) }));
    for (const { event, prompt, word } of placed) {
      const node = nodePath(event).join("/");
      const system = prompt.filter(({ type }) => type === "system" || type === "developer");
      this.#add(
        "prompt",
        node,
        system.flatMap(({ content }) => textsOf(content)),
      );
      if (this.#isHidden(event) || !saysWords(allowList)) this.#add("node", node, [word]);
    }
    const words = placed.filter(({ event }) => !this.#isHidden(event)).map(({ word }) => word);
    const open = [...shown, ...words];
    const secrets = [...this.#texts].map(([key, texts]) => {
      const [kind, name] = key.split("\0") as [Kind, string];
      return { kind, name, texts: [...texts].filter((text) => !overlaps(text, open)) };
    });
    // A hidden node's words in the state count as the node's, not as the state's.
    const named = secrets.flatMap(({ kind, texts }) => (kind === "state" ? [] : texts));
    return secrets
      .map((secret) =>
        secret.kind === "state" ? { ...secret, texts: secret.texts.filter((text) => !overlaps(text, named)) } : secret,
      )
      .filter(({ texts }) => texts.length > 0);
  }
}

/** The text of the system messages in a value. */
function systemTexts(value: unknown, depth = 0): string[] {
  if (!isRecord(value) && !Array.isArray(value)) return [];
  if (isRecord(value) && value.type === "system") return textsOf(value.content);
  return depth > 4 ? [] : Object.values(value).flatMap((inner) => systemTexts(inner, depth + 1));
}

function overlaps(text: string, others: readonly string[]): boolean {
  return others.some((other) => other.includes(text) || text.includes(other));
}

function saysWords(allowList: AllowList): boolean {
  return (["on_chat_model_stream", "on_chat_model_end", "on_llm_stream", "on_llm_end"] as const).some((name) =>
    allowList.admitsName(name),
  );
}
