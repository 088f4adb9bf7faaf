/**
 * One connection's view of a log: it leaves out events that the connection does not want, and rewrites events for older
 * clients.
 */
import type { AllowList } from "../graph/allow-list.ts";
import type { LogEntry } from "../log/log.ts";
import { type Cursor, formatCursor } from "../protocol/cursor.ts";
import { type AguiEvent, type Edge, EventType, type Message } from "../protocol/events.ts";
import { downgrade, mayNeedDowngrade } from "../protocol/generations.ts";
import type { GraphEventName } from "../protocol/graph-event.ts";
import { HeldDeltas } from "../protocol/held-deltas.ts";
import type { Topic } from "../protocol/ids.ts";
import { type Rewritten, RewrittenEntries, serialized } from "./rewritten.ts";

/** One event on its way to a format. */
export interface Outgoing {
  readonly json: string;
  readonly type: LogEntry["type"];
  /** The entry's position in its span. */
  readonly edge: Edge;
  /**
   * The position of the last entry that this covers. Absent if more of that entry follows, or if the event was made for
   * one connection.
   */
  readonly cursor: Cursor | undefined;
  /** The number of entries that this covers. */
  readonly count: number;
  /** The graph's node that it came from, if any. */
  readonly node?: string | undefined;
}

export interface ViewOptions {
  /** The topic that is viewed, so that views of the same topic share what they rewrite. */
  readonly topic?: Topic | undefined;
  /** The events that this connection named, if any. The log holds nothing that the agent does not admit. */
  readonly allowList: AllowList | undefined;
  readonly tokens: boolean;
  readonly reasoning: boolean;
  /** Does the client understand protocol 1.0? */
  readonly speaksOne: () => boolean;
}

/** For all topics: an epoch is random, and no two topics share a position. */
const rewritten = new RewrittenEntries();

const HOLDS_MESSAGES: ReadonlySet<EventType> = new Set([EventType.RUN_STARTED, EventType.MESSAGES_SNAPSHOT]);

/** Removes reasoning from an event's messages: earlier reasoning is among them. */
function withoutThoughts(event: AguiEvent): AguiEvent {
  const spoken = (messages: readonly Message[]) => messages.filter(({ role }) => role !== "reasoning");
  if (event.type === EventType.MESSAGES_SNAPSHOT) return { ...event, messages: spoken(event.messages) };
  if (event.type !== EventType.RUN_STARTED || !event.input) return event;
  return { ...event, input: { ...event.input, messages: spoken(event.input.messages) } };
}

const CHANGES = { thoughtless: withoutThoughts, downgraded: downgrade };

/** For most entries, so that no list is made for every token and reader. */
const UNCHANGED: readonly (keyof typeof CHANGES)[] = [];

type Fate = "show" | "hold" | "hide";

/**
 * Decides once for a whole span, at the entry that opens it: a view never shows an END without its START. Where
 * nothing is narrowed an entry passes as the string that the log holds.
 */
export class View {
  readonly #options: ViewOptions;
  /** The spans that are open and what is held of them; `undefined` where the view narrows nothing. */
  readonly #spans: { readonly fates: Map<string, Fate>; readonly held: HeldDeltas } | undefined;

  constructor(options: ViewOptions) {
    const { allowList, tokens, reasoning } = options;
    this.#options = options;
    if (allowList || !tokens || !reasoning) this.#spans = { fates: new Map(), held: new HeldDeltas() };
  }

  /** The connection's view of an entry. `cursor` is the position to send with it, if any. */
  push(entry: LogEntry, cursor: Cursor | undefined): Outgoing[] {
    const spans = this.#spans;
    const fate = spans ? this.#fate(entry, spans.fates) : "show";
    if (fate === "hide") return [];
    if (spans && fate === "hold") return this.#hold(entry, cursor, spans.held);
    const { json, type, edge, provenance } = entry;
    const node = provenance?.node;
    const changes = type === "GRAPH" || type === "GRAPH_END" ? UNCHANGED : this.#changes(type);
    if (changes.length === 0) return [{ json, type, edge, cursor, count: 1, node }];
    const changed = this.#shared(cursor, changes.join(), () => [
      changes.reduce((event, change) => CHANGES[change](event), JSON.parse(json) as AguiEvent),
    ]);
    return changed.map((event) => ({ ...event, edge, cursor, count: 1, node }));
  }

  /** An event that was made for one connection has no position, and is not shared. */
  #shared(cursor: Cursor | undefined, how: string, make: () => readonly AguiEvent[]): Rewritten {
    const { topic } = this.#options;
    if (topic === undefined || cursor === undefined) return serialized(make());
    return rewritten.of(`${topic} ${formatCursor(cursor)} ${how}`, make);
  }

  /** The rewriting of an event of this type for this connection. */
  #changes(type: EventType): readonly (keyof typeof CHANGES)[] {
    const { reasoning, speaksOne } = this.#options;
    const thoughtless = !reasoning && HOLDS_MESSAGES.has(type);
    const downgraded = mayNeedDowngrade(type) && !speaksOne();
    if (!thoughtless && !downgraded) return UNCHANGED;
    return [...(thoughtless ? (["thoughtless"] as const) : []), ...(downgraded ? (["downgraded"] as const) : [])];
  }

  /** Returns the entries to send for an entry of a held span: none, or the held entries and this entry. */
  #hold(entry: LogEntry, cursor: Cursor | undefined, held: HeldDeltas): Outgoing[] {
    const events = held.pass([JSON.parse(entry.json) as AguiEvent]);
    const { edge, provenance } = entry;
    const shown = events.length > 0 ? this.#shared(cursor, "held", () => events) : [];
    // Only the last event has the position: a reader that disconnects before it must get both again.
    return shown.map((event, index) => ({
      ...event,
      edge,
      cursor: index === shown.length - 1 ? cursor : undefined,
      count: 1,
      node: provenance?.node,
    }));
  }

  #fate(entry: LogEntry, fates: Map<string, Fate>): Fate {
    const { span, edge } = entry;
    if (span === undefined) return this.#admit(entry);
    if (edge === "open") {
      const fate = this.#admit(entry);
      fates.set(span, fate);
      return fate;
    }
    const fate = fates.get(span) ?? "hide";
    if (edge === "close") fates.delete(span);
    return fate;
  }

  /** Does this view leave anything out, or put anything together? */
  get narrows(): boolean {
    return this.#spans !== undefined;
  }

  #admit({ type, provenance, span }: LogEntry): Fate {
    const { allowList, tokens, reasoning } = this.#options;
    if (!reasoning && (span?.startsWith("reasoning:") || type === EventType.REASONING_ENCRYPTED_VALUE)) return "hide";
    let whole = !tokens;
    if (allowList && provenance) {
      const admitted = provenance.events.filter((name) => allowList.admitsName(name));
      if (admitted.length === 0) return "hide";
      whole ||= !admitted.some(isStream) && provenance.events.some(isStream);
    }
    if (type === "GRAPH" && whole && provenance?.events.some(isStream)) return "hide";
    return whole && span !== undefined && !span.startsWith("step:") ? "hold" : "show";
  }
}

function isStream(name: GraphEventName): boolean {
  return name.endsWith("_stream");
}
