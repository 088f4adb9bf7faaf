/** The events in the tap that pass the filter, in order: the rows of the log. */
import type { AguiEvent } from "../../protocol/events.ts";
import type { Tap } from "../state/tap.ts";

/** The kinds of events to filter by, each with the prefixes of its event types. */
export const KINDS = {
  Run: ["RUN_"],
  Steps: ["STEP_", "SUBAGENT_"],
  Text: ["TEXT_"],
  Reasoning: ["REASONING_"],
  Tools: ["TOOL_"],
  State: ["STATE_", "MESSAGES_", "ACTIVITY_"],
  Custom: ["CUSTOM", "RAW"],
} as const;

export type Kind = keyof typeof KINDS;

export interface Filter {
  /** Empty: all kinds. */
  readonly kinds: readonly Kind[];
  /** Text that the event's JSON must contain, in upper or lower case. */
  readonly search: string;
}

export function kindOf(type: string): Kind | undefined {
  const kinds = Object.keys(KINDS) as Kind[];
  return kinds.find((kind) => KINDS[kind].some((prefix) => type.startsWith(prefix)));
}

export class Rows {
  #filter: Filter = { kinds: [], search: "" };
  /** The sequence numbers of the rows, in ascending order. */
  #rows: number[] = [];
  /** The events of the tap before this sequence number were read. */
  #seen = 0;
  #dropped = 0;

  get length(): number {
    return this.#rows.length;
  }

  /** The total number of rows that were removed at the top. */
  get dropped(): number {
    return this.#dropped;
  }

  /** Returns the sequence number of a row. */
  at(row: number): number | undefined {
    return this.#rows[row];
  }

  /** Returns the row of a sequence number, or of the next greater one. */
  rowOf(seq: number): number {
    let low = 0;
    let high = this.#rows.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.#rows[middle] ?? 0) < seq) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Adds the tap's new events, up to `next`, and drops the rows that the tap has dropped. */
  update(tap: Pick<Tap, "first" | "next" | "at">, next: number = tap.next): void {
    this.#dropped += this.#rows.splice(0, this.rowOf(tap.first)).length;
    for (let seq = Math.max(this.#seen, tap.first); seq < next; seq += 1) {
      const event = tap.at(seq)?.event;
      if (event && passes(event, this.#filter)) this.#rows.push(seq);
    }
    this.#seen = Math.max(this.#seen, next);
  }

  /** Sets the filter and reads the whole tap again. */
  filter(filter: Filter, tap: Pick<Tap, "first" | "next" | "at">, next: number = tap.next): void {
    this.#filter = filter;
    this.#rows = [];
    this.#seen = 0;
    this.update(tap, next);
  }
}

function passes(event: AguiEvent, { kinds, search }: Filter): boolean {
  if (kinds.length > 0) {
    const kind = kindOf(event.type);
    if (!kind || !kinds.includes(kind)) return false;
  }
  return search === "" || JSON.stringify(event).toLowerCase().includes(search.toLowerCase());
}
