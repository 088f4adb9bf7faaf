/**
 * The places of messages that the graph may not remember yet. When the process dies, nodes that the graph has no result
 * of run again and send their messages again: recovery finds by the place which messages these are.
 */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { type GraphEvent, namespace } from "../protocol/graph-event.ts";
import type { StoredStep } from "../store/checkpointer.ts";
import type { RunPlan } from "./run-plan.ts";
import type { SoFar } from "./so-far.ts";

export class SentPlaces {
  readonly #threadId: string;
  readonly #known: Set<string>;
  readonly #places: Map<string, string>;
  /** The namespaces of graphs inside the graph that have a thread of their own. */
  readonly #apart = new Set<string>();
  #again: RunPlan["again"];
  #checkpoint: string;

  constructor({
    threadId,
    checkpoint,
    history,
    fresh,
    again,
  }: Pick<RunPlan, "threadId" | "checkpoint" | "history" | "fresh" | "again">) {
    this.#threadId = threadId;
    this.#checkpoint = checkpoint;
    this.#known = new Set([...history, ...fresh].map(({ id }) => id));
    this.#again = again;
    this.#places = new Map(Object.entries(again));
  }

  get soFar(): Pick<SoFar, "checkpoint" | "places"> {
    return { checkpoint: this.#checkpoint, places: Object.fromEntries(this.#places) };
  }

  /** Messages that stay if the graph ends before its first node begins, and their places. */
  get again(): RunPlan["again"] {
    return this.#again;
  }

  /** A graph reads its checkpoint. Recovery does not know the results of a graph in another thread. */
  readonly opened = (threadId: string, namespace: string): void => {
    if (threadId !== this.#threadId && namespace !== "") this.#apart.add(namespace);
  };

  /** Events were sent. `cause`: the graph event that brought them about. A message stays where it began. */
  sent(events: readonly AguiEvent[], cause: GraphEvent | undefined): void {
    const place = cause && namespace(cause);
    for (const event of events) {
      this.#dropShared(event, place);
      const id = begunBy(event);
      if (id === undefined || this.#known.has(id)) continue;
      this.#known.add(id);
      if (place !== undefined && !this.#isApart(place)) this.#places.set(id, place);
    }
  }

  /** Several nodes may have written an activity. One of them may have a result and not run again. */
  #dropShared(event: AguiEvent, place: string | undefined): void {
    if (event.type !== EventType.ACTIVITY_SNAPSHOT && event.type !== EventType.ACTIVITY_DELTA) return;
    if (this.#places.get(event.messageId) !== place) this.#places.delete(event.messageId);
  }

  #isApart(place: string): boolean {
    return [...this.#apart].some((namespace) => place.startsWith(`${namespace}|`));
  }

  /** The graph's first node begins. Returns the messages that are taken back now: their nodes run again. */
  began(): readonly string[] {
    const ids = Object.keys(this.#again);
    for (const id of ids) this.#places.delete(id);
    this.#again = {};
    return ids;
  }

  /** A checkpoint is stored. The graph may remember what was sent before it: in doubt, messages stay. */
  stored({ threadId, checkpointId }: Pick<StoredStep, "threadId" | "checkpointId">): void {
    if (threadId !== this.#threadId) return;
    this.#checkpoint = checkpointId;
    this.#places.clear();
  }
}

/** The id of the message that an event may begin. */
function begunBy(event: AguiEvent): string | undefined {
  switch (event.type) {
    case EventType.TEXT_MESSAGE_START:
    case EventType.REASONING_START:
    case EventType.TOOL_CALL_RESULT:
    case EventType.ACTIVITY_SNAPSHOT:
      return event.messageId;
    case EventType.TOOL_CALL_START:
      return event.parentMessageId ?? event.toolCallId;
    default:
      return undefined;
  }
}
