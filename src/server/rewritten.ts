/**
 * Entries as they look in views that differ from the log: made and serialized once, however many such views there are.
 */
import type { LogEntry } from "../log/log.ts";
import type { AguiEvent } from "../protocol/events.ts";

export type Rewritten = readonly Pick<LogEntry, "json" | "type">[];

/** The entries kept for views that have not read them yet. A view that reads much later makes them again. */
const MAX_ENTRIES = 1_024;
const MAX_CHARACTERS = 8 * 1024 * 1024;

/** The key is the position and not the entry: a log over a network gives each reader its own objects. */
export class RewrittenEntries {
  readonly #kept = new Map<string, Rewritten>();
  #characters = 0;

  /**
   * Returns the serialized events of `make`, which is called again only if they are no longer kept. `position` names
   * the entry and the change.
   */
  of(position: string, make: () => readonly AguiEvent[]): Rewritten {
    const known = this.#kept.get(position);
    if (known) return known;
    const made = serialized(make());
    this.#kept.set(position, made);
    this.#characters += sizeOf(made);
    for (const [oldest, entry] of this.#kept) {
      if (this.#kept.size <= MAX_ENTRIES && this.#characters <= MAX_CHARACTERS) break;
      this.#kept.delete(oldest);
      this.#characters -= sizeOf(entry);
    }
    return made;
  }
}

export function serialized(events: readonly AguiEvent[]): Rewritten {
  return events.map((event) => ({ json: JSON.stringify(event), type: event.type }));
}

function sizeOf(rewritten: Rewritten): number {
  return rewritten.reduce((size, { json }) => size + json.length, 0);
}
