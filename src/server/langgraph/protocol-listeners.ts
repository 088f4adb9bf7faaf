/** The subscriptions of one socket, and how far each has got. All get their events from one reading of the thread. */
import type { Cursor } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { MAX_SUBSCRIPTIONS } from "../places.ts";
import { type EventPosition, isBefore, throughEntry, type Wanted, wants } from "./protocol-events.ts";
import type { ProtocolEvent } from "./protocol-projection.ts";

interface Listener {
  readonly wanted: Wanted;
  reached: EventPosition;
}

export class Listeners {
  readonly #listeners = new Map<string, Listener>();

  get size(): number {
    return this.#listeners.size;
  }

  /** The last entry that all subscriptions have reached; `undefined` without subscriptions. */
  get reached(): Cursor | undefined {
    const entries = [...this.#listeners.values()].map(({ reached }) => reached.entry);
    return entries.reduce<Cursor | undefined>(
      (least, entry) => (least && !isBefore(entry, least) ? least : entry),
      undefined,
    );
  }

  /** @throws SluiceError `overloaded` when these and the `waiting` ones leave no room for another subscription. */
  needRoom(waiting: number): void {
    if (this.#listeners.size + waiting < MAX_SUBSCRIPTIONS) return;
    const message = `A socket may have ${MAX_SUBSCRIPTIONS} subscriptions. Unsubscribe one first.`;
    throw new SluiceError("overloaded", message);
  }

  add(id: string, wanted: Wanted, from: Cursor): void {
    this.#listeners.set(id, { wanted, reached: throughEntry(from) });
  }

  delete(id: string): boolean {
    return this.#listeners.delete(id);
  }

  /** Does any subscription want this event and not have it yet? Afterwards the event counts as sent to all. */
  want(event: ProtocolEvent, position: EventPosition | undefined): boolean {
    let wanted = false;
    for (const listener of this.#listeners.values()) {
      if (position && hasPassed(listener.reached, position)) continue;
      if (position) listener.reached = position;
      wanted ||= wants(listener.wanted, event, position);
    }
    return wanted;
  }
}

function hasPassed(reached: EventPosition, { seq, entry }: EventPosition): boolean {
  return reached.entry.epoch === entry.epoch && reached.seq >= seq;
}
