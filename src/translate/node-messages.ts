/**
 * AI messages that a node added to the graph's `messages` without any model call having streamed them: a model with
 * `disableStreaming`, or a node that returns finished text. They leave once, whole, when the node ends.
 *
 * A node execution is known by its checkpoint namespace; whatever runs inside a node has a namespace below it.
 */
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { asMessage, type MessageLike, messageType, textOf, toolCallPieces } from "./content.ts";

export class NodeMessages {
  /** Ids of messages the client has, or has had. */
  readonly #known: Set<string>;
  /** What model calls said, by the namespace they ran in: nodes often wrap a model's text in a message of their own. */
  readonly #said = new Map<string, Set<string>>();
  /** Namespaces in which something was refused: what their nodes return may hold what must not leave. */
  readonly #refused = new Set<string>();

  constructor(known: Iterable<string>) {
    this.#known = new Set(known);
  }

  isKnown(messageId: string): boolean {
    return this.#known.has(messageId);
  }

  addKnown(messageId: string): void {
    this.#known.add(messageId);
  }

  noteSaid(event: GraphEvent, text: string): void {
    const ns = namespace(event);
    const said = this.#said.get(ns) ?? new Set();
    this.#said.set(ns, said.add(text));
  }

  noteRefused(event: GraphEvent): void {
    this.#refused.add(namespace(event));
  }

  /** The messages this node's end is the first to tell of. */
  added(event: GraphEvent): MessageLike[] {
    const ns = namespace(event);
    const covers = (other: string) => other === ns || other.startsWith(`${ns}|`);
    if ([...this.#refused].some(covers) || !isRecord(event.data)) return [];
    const said = new Set([...this.#said].flatMap(([where, texts]) => (covers(where) ? [...texts] : [])));
    // A subgraph's node returns its whole state: what it was given is not what it added.
    const given = new Set(messagesIn(event.data.input).map((message) => message.id));
    return messagesIn(event.data.output).filter((message) => {
      if (typeof message.id === "string" && (this.#known.has(message.id) || given.has(message.id))) return false;
      const text = textOf(message);
      return text === "" ? toolCallPieces(message).length > 0 : !said.has(text);
    });
  }
}

function namespace(event: GraphEvent): string {
  const ns = event.metadata.langgraph_checkpoint_ns;
  return typeof ns === "string" ? ns : "";
}

/** The AI messages in a state update: of a plain update, of a `Command`, or of several of either. */
function messagesIn(update: unknown): MessageLike[] {
  if (Array.isArray(update)) return update.flatMap(messagesIn);
  if (!isRecord(update)) return [];
  if (isRecord(update.update)) return messagesIn(update.update);
  const { messages } = update;
  const list: unknown[] = Array.isArray(messages) ? messages : [messages];
  return list.flatMap((message) => {
    const found = isRecord(message) && messageType(message) === "ai" ? asMessage(message) : undefined;
    return found ? [found] : [];
  });
}
