/** Which of the tapped events the log lists: those that pass the filter, in order. */
import type { AguiEvent } from "../../protocol/events.ts";
import type { Tap } from "../state/tap.ts";

/** The kinds of events that people look for, by how their types begin. */
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
  /** None: all kinds. */
  readonly kinds: readonly Kind[];
  /** Text that the event's JSON must contain, in any case. */
  readonly search: string;
}

export function kindOf(type: string): Kind | undefined {
  const kinds = Object.keys(KINDS) as Kind[];
  return kinds.find((kind) => KINDS[kind].some((prefix) => type.startsWith(prefix)));
}

export class Rows {
  #filter: Filter = { kinds: [], search: "" };
  /** Sequence numbers, growing. */
  #rows: number[] = [];
  /** Up to here the tap was looked at. */
  #seen = 0;
  #dropped = 0;

  get length(): number {
    return this.#rows.length;
  }

  /** The number of rows that have gone at the top, ever. */
  get dropped(): number {
    return this.#dropped;
  }

  /** The sequence number in a row. */
  at(row: number): number | undefined {
    return this.#rows[row];
  }

  /** The row of a sequence number, or that of the next greater one there is. */
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

  /** Takes in what is new in the tap, up to `next`, and lets go of what the tap has let go of. */
  update(tap: Pick<Tap, "first" | "next" | "at">, next: number = tap.next): void {
    this.#dropped += this.#rows.splice(0, this.rowOf(tap.first)).length;
    for (let seq = Math.max(this.#seen, tap.first); seq < next; seq += 1) {
      const event = tap.at(seq)?.event;
      if (event && passes(event, this.#filter)) this.#rows.push(seq);
    }
    this.#seen = Math.max(this.#seen, next);
  }

  /** Looks through all anew. */
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
