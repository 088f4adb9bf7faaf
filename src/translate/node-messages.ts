/**
 * AI messages that a node added to the graph's `messages` and no model call streamed: they come from a model with
 * `disableStreaming`, or from a node that returns finished text. They leave once, whole, when the node ends.
 *
 * A node execution is known by its checkpoint namespace; whatever runs inside a node has a namespace below it.
 */
import { type GraphEvent, isInside, namespace } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { type MessageLike, type ToolCallPiece, textOf, toolCallPieces } from "./content.ts";
import { messagesIn } from "./message-likes.ts";

export class NodeMessages {
  /** Ids of messages the client has, or has had. */
  readonly #known = new Set<string>();
  /** Ids among them that are reserved for messages of users. */
  readonly #expected = new Set<string>();
  /**
   * The texts of model calls, by the namespace they ran in: nodes often wrap a model's text in a message of their own.
   */
  readonly #said = new Map<string, Set<string>>();
  /** Namespaces of nodes that were refused. The outputs of nodes around them may hold content that must not be sent. */
  readonly #refused = new Set<string>();
  /** Namespaces in which a model call was refused. The messages of their nodes may be its answer. */
  readonly #refusedCalls = new Set<string>();
  /** Namespaces in which a tool's result was refused, and the call that it answers is not known. */
  readonly #refusedResults = new Set<string>();

  /** Messages that clients have. */
  note(messages: readonly { readonly id: string }[]): void {
    for (const { id } of messages) this.#known.add(id);
  }

  /** The ids of all messages that clients have, or have had. */
  get ids(): readonly string[] {
    return [...this.#known].filter((id) => !this.#expected.has(id));
  }

  /** Takes an id for a message that is not the model's. `false`: another message has it. */
  reserve(id: string): boolean {
    if (this.#known.has(id)) return false;
    this.#known.add(id);
    return true;
  }

  /** Reserves an id for a user's message. `false`: another message has it. */
  expect(id: string): boolean {
    if (!this.reserve(id)) return false;
    this.#expected.add(id);
    return true;
  }

  /** Notes that the message of a reserved id is sent. `false`: the id was not reserved. */
  arrives(id: string): boolean {
    return this.#expected.delete(id);
  }

  /**
   * The id for a message that is to be sent. A model's first chunk has the id that the graph's state uses. If an
   * endpoint repeats an id, the message gets a new one.
   */
  newId({ id }: MessageLike, runId: string): string {
    const usable = typeof id === "string" && id !== "" && !this.#known.has(id);
    let messageId = usable ? id : `run-${runId}`;
    for (let n = 2; this.#known.has(messageId); n += 1) messageId = `run-${runId}-${n}`;
    this.#known.add(messageId);
    return messageId;
  }

  noteSaid(event: GraphEvent, text: string): void {
    const ns = namespace(event);
    const said = this.#said.get(ns) ?? new Set();
    this.#said.set(ns, said.add(text));
  }

  noteRefused(event: GraphEvent): void {
    this.#refused.add(namespace(event));
  }

  noteRefusedCall(event: GraphEvent): void {
    this.#refusedCalls.add(namespace(event));
  }

  noteRefusedResult(event: GraphEvent): void {
    this.#refusedResults.add(namespace(event));
  }

  /** The model's messages that this node's end brings, new ones or not. */
  returned(event: GraphEvent): MessageLike[] {
    return this.holdsRefused(event) || !isRecord(event.data) ? [] : messagesIn(event.data.output, "ai");
  }

  /**
   * The messages that clients first get from this node's end. `isKnownCall`: was a call like this one made inside the
   * node?
   */
  added(event: GraphEvent, isKnownCall: (call: ToolCallPiece) => boolean): MessageLike[] {
    const input = isRecord(event.data) ? event.data.input : undefined;
    const said = new Set(
      [...this.#said].flatMap(([where, texts]) => (isInside(where, namespace(event)) ? [...texts] : [])),
    );
    // A subgraph's node returns its whole state, which includes the messages of its input.
    const given = new Set(messagesGiven(input, "ai").map((message) => message.id));
    return this.returned(event).filter((message) => {
      if (typeof message.id === "string" && (this.#known.has(message.id) || given.has(message.id))) return false;
      const text = textOf(message);
      if (text !== "") return !said.has(text);
      return toolCallPieces(message).some((call) => !isKnownCall(call));
    });
  }

  /**
   * The tool messages that a node's end adds: results that no tool's run may have reported. A refused model call does
   * not hold them back: the result of a tool that calls a hidden model is reported too.
   */
  toolMessages(event: GraphEvent): MessageLike[] {
    if (this.#holds(event, this.#refused) || this.#holds(event, this.#refusedResults)) return [];
    if (!isRecord(event.data)) return [];
    // Messages are compared by their own ids, because models repeat call ids.
    const key = (message: MessageLike) => message.id ?? message.tool_call_id;
    const given = new Set(messagesGiven(event.data.input, "tool").map(key));
    return messagesIn(event.data.output, "tool").filter((message) => !given.has(key(message)));
  }

  /** Was a node or a model call inside this node refused? */
  holdsRefused(event: GraphEvent): boolean {
    return this.#holds(event, this.#refused) || this.#holds(event, this.#refusedCalls);
  }

  #holds(event: GraphEvent, refused: ReadonlySet<string>): boolean {
    return [...refused].some((where) => isInside(where, namespace(event)));
  }
}

/** The messages of one type that a node was given: `Send` may hand them over under any key. */
function messagesGiven(input: unknown, type: "ai" | "tool"): MessageLike[] {
  if (!isRecord(input)) return [];
  return Object.values(input).flatMap((messages) => messagesIn({ messages }, type));
}
