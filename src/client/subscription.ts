/** One thread as a connection follows it: its position, and its listeners. */
import { parseCursor } from "../protocol/cursor.ts";
import type { AguiEvent } from "../protocol/events.ts";
import type { GapReason } from "../protocol/frames.ts";
import type { ConnectionError } from "./connection-error.ts";

/** The parts that a follower may leave out, as in PROTOCOL.md. Default: none. */
export interface Narrowing {
  /** Event names, like `on_chat_model_stream,on_tool_*`. */
  readonly events?: string;
  /** `false`: each message comes in one piece, when it is complete. */
  readonly tokens?: boolean;
  /** `false`: no reasoning. */
  readonly reasoning?: boolean;
  /** The protocol version this side understands. Default `1.0`. */
  readonly protocol?: string;
}

/** Returns only the options that narrow, because every member of the result is sent to the server. */
export function narrowingOf({ events, tokens, reasoning, protocol }: Narrowing, announced = "1.0"): Narrowing {
  return { events, tokens, reasoning, protocol: protocol ?? announced };
}

/** `skip`: an event was missing, so the server was asked to begin again. */
export interface Gap {
  readonly reason: GapReason | "skip";
}

/** The position and size of an event that arrived. */
export interface Arrival {
  /**
   * The thread's position after the event. An event without a position was made for this connection, or belongs to the
   * next event with a position.
   */
  readonly cursor: string | undefined;
  /** The number of log entries that the event stands for; 0 without a cursor. */
  readonly entries: number;
  /** The size of its frame. */
  readonly bytes: number;
}

/** The callbacks of a follower of a thread. */
export interface Listener {
  /** Is called with each event of the thread once, in order. */
  readonly onEvent: (event: AguiEvent, arrival: Arrival) => void;
  /**
   * Is called when the server begins to send the thread: after `subscribe`, and after each reconnect. `head` is the
   * position of the thread's last event. The events up to it were missed.
   */
  readonly onBegin?: (head: string | undefined) => void;
  /**
   * Is called when events are lost: all open spans are void. A beginning follows: `RUN_STARTED`, `MESSAGES_SNAPSHOT`,
   * the state, the open spans opened again, and then new events.
   */
  readonly onGap?: (gap: Gap) => void;
  /** Is called when no more events come. */
  readonly onError?: (error: ConnectionError) => void;
}

export interface EventFrame {
  readonly type: "event";
  readonly topic: string;
  readonly cursor?: string | undefined;
  /** The number of log entries that this covers. Default 1. */
  readonly n?: number | undefined;
  readonly data: AguiEvent;
}

type Held = readonly [AguiEvent, Arrival];

export class Subscription {
  readonly topic: string;
  readonly narrowing: Narrowing;
  readonly listeners = new Set<Listener>();
  /** The cursor of the last event that was handed out. A reconnect goes on after it. */
  cursor: string | undefined;
  /** The server has confirmed the subscription on this socket. Earlier events belong to an earlier subscription. */
  confirmed = false;
  /** The subscription was confirmed before, and is to begin again. */
  interrupted = false;
  /** How often in a row the server did not let it begin again. */
  failures = 0;
  /** The next event with a cursor is a beginning: there is nothing to compare it with. */
  #fresh = true;
  /**
   * Events without a cursor. They are handed out with the next event that has one, so that a lost socket cannot make
   * them come twice.
   */
  #held: Held[] = [];

  constructor(topic: string, narrowing: Narrowing) {
    this.topic = topic;
    this.narrowing = narrowing;
  }

  /**
   * Notes that the server sends the thread. `from`: the position before the first event, unless a beginning comes
   * first.
   */
  confirm(from: string | undefined): void {
    this.confirmed = true;
    this.failures = 0;
    if (from === undefined) return;
    this.cursor = from;
    this.#fresh = false;
  }

  /** Notes that no more events come for now. Those that wait for a cursor are dropped. */
  interrupt(again = this.confirmed): void {
    this.interrupted ||= again;
    this.confirmed = false;
    this.#held = [];
  }

  /** Forgets the position after an event was missing, so that a beginning follows the next confirmation. */
  restart(): void {
    this.gap({ reason: "skip" });
    this.confirmed = false;
    this.cursor = undefined;
  }

  /** Takes an event. `false`: the event does not follow the last one, so an event is missing. */
  push({ cursor, n = 1, data }: EventFrame, bytes: number): boolean {
    if (!this.confirmed) return true;
    this.#held.push([data, { cursor, entries: cursor ? n : 0, bytes }]);
    if (cursor === undefined) return true;
    const events = this.#held;
    this.#held = [];
    if (!this.#fresh && this.cursor !== undefined) {
      const [next, known] = [parseCursor(cursor), parseCursor(this.cursor)];
      if (!next || next.epoch !== known?.epoch) return false;
      if (next.offset <= known.offset) return true;
      // In a narrowed view, events are left out without being lost.
      if (!this.#narrows && next.offset - n !== known.offset) return false;
    }
    this.#fresh = false;
    this.cursor = cursor;
    for (const held of events) this.notify((listener) => listener.onEvent(...held));
    return true;
  }

  /**
   * Reports a gap. The old cursor stays until the beginning after the gap is complete. If the socket is lost before
   * that, the same gap is reported again.
   */
  gap({ reason }: Gap): void {
    if (!this.confirmed) return;
    this.#held = [];
    this.#fresh = true;
    this.notify((listener) => listener.onGap?.({ reason }));
  }

  /** Calls every listener, even if one throws. */
  notify(what: (listener: Listener) => void): void {
    for (const listener of [...this.listeners]) {
      try {
        what(listener);
      } catch (error) {
        queueMicrotask(() => {
          throw error;
        });
      }
    }
  }

  get #narrows(): boolean {
    const { events, tokens, reasoning } = this.narrowing;
    return events !== undefined || tokens === false || reasoning === false;
  }
}

const encoder = new TextEncoder();

/** The size of a text on the wire. */
export function bytesOf(text: string): number {
  return encoder.encode(text).length;
}
