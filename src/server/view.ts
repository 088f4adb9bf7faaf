/** One connection's view of a log: what it narrowed away, and what its generation of clients cannot take. */
import type { AllowList } from "../graph/allow-list.ts";
import type { LogEntry } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { downgrade, mayNeedDowngrade } from "../protocol/generations.ts";
import type { GraphEventName } from "../protocol/graph-event.ts";
import { HeldDeltas } from "../protocol/held-deltas.ts";

/** One event on its way to a format. */
export interface Outgoing {
  readonly json: string;
  readonly type: LogEntry["type"];
  /** The last entry this covers. Absent for what was made for this connection alone. */
  readonly cursor: Cursor | undefined;
}

export interface ViewOptions {
  /** What this connection asked for. It only narrows: the log holds nothing the agent does not admit. */
  readonly allowList: AllowList;
  /** Did the connection name events at all? */
  readonly narrowsEvents: boolean;
  readonly tokens: boolean;
  readonly reasoning: boolean;
  /** The client understands protocol 1.0. */
  readonly speaksOne: boolean;
}

type Fate = "show" | "hold" | "hide";

/**
 * Decides once for a whole span, at the entry that opens it: a view never shows an END without its START. Where
 * nothing is narrowed an entry passes as the string that the log holds.
 */
export class View {
  readonly #options: ViewOptions;
  readonly #fates = new Map<string, Fate>();
  readonly #held = new HeldDeltas();

  constructor(options: ViewOptions) {
    this.#options = options;
  }

  /** What the connection sees of an entry. `cursor` is the position to tell with it, if any. */
  push(entry: LogEntry, cursor: Cursor | undefined): Outgoing[] {
    const fate = this.#fate(entry);
    if (fate === "hide") return [];
    if (fate === "hold") {
      const events = this.#held.pass([JSON.parse(entry.json) as AguiEvent]);
      return events.map((event) => ({ json: JSON.stringify(event), type: event.type, cursor }));
    }
    if (
      this.#options.speaksOne ||
      entry.type === "GRAPH" ||
      entry.type === "GRAPH_END" ||
      !mayNeedDowngrade(entry.type)
    ) {
      return [{ json: entry.json, type: entry.type, cursor }];
    }
    const event = downgrade(JSON.parse(entry.json) as AguiEvent);
    return [{ json: JSON.stringify(event), type: event.type, cursor }];
  }

  #fate(entry: LogEntry): Fate {
    const { span, edge } = entry;
    if (span === undefined) return this.#admit(entry);
    if (edge === "open") {
      const fate = this.#admit(entry);
      this.#fates.set(span, fate);
      return fate;
    }
    const fate = this.#fates.get(span) ?? "hide";
    if (edge === "close") this.#fates.delete(span);
    return fate;
  }

  #admit({ type, provenance, span }: LogEntry): Fate {
    const { narrowsEvents, allowList, tokens, reasoning } = this.#options;
    if (!reasoning && (span?.startsWith("reasoning:") || type === EventType.REASONING_ENCRYPTED_VALUE)) return "hide";
    let whole = !tokens;
    if (narrowsEvents && provenance) {
      const admitted = provenance.events.filter((name) => allowList.admitsName(name));
      if (admitted.length === 0) return "hide";
      whole ||= !admitted.some(isStream) && provenance.events.some(isStream);
    }
    if (type === "GRAPH" && whole && provenance?.events.some(isStream)) return "hide";
    return whole && span !== undefined && !span.startsWith("step:") ? "hold" : "show";
  }
}

function isStream(name: GraphEventName): boolean {
  return name === "on_chat_model_stream" || name === "on_llm_stream";
}
