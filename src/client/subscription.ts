/** One thread as a connection follows it: its position, and its listeners. */
import { parseCursor } from "../protocol/cursor.ts";
import type { AguiEvent } from "../protocol/events.ts";
import type { GapReason } from "../protocol/frames.ts";
import type { ConnectionError } from "./connection-error.ts";

/** The parts that a follower may leave out, as in PROTOCOL.md. Default: none. */
export interface Narrowing {
  /** Event names, like `on_chat_model_stream,on_tool_*`. */
  readonly events?: string;
  /** `false`: each message at once, when it is complete. */
  readonly tokens?: boolean;
  /** `false`: no reasoning. */
  readonly reasoning?: boolean;
  /** The protocol version this side understands. Default `1.0`. */
  readonly protocol?: string;
}

/** `skip`: the server sent something out of turn, and was asked to begin again. */
export interface Gap {
  readonly reason: GapReason | "skip";
}

/** The way in which an event came. */
export interface Arrival {
  /**
   * The thread's position after the event. An event without one was made for this connection, or belongs to the next
   * event that has one.
   */
  readonly cursor: string | undefined;
  /** The number of log entries that the event stands for; 0 without a cursor. */
  readonly entries: number;
  /** The size of its frame. */
  readonly bytes: number;
}

/** The callbacks of one that follows a thread. */
export interface Listener {
  /** Is called with each event of the thread once, in order. */
  readonly onEvent: (event: AguiEvent, arrival: Arrival) => void;
  /**
   * The server sends the thread from here on: after `subscribe`, and after each reconnect. `head` is the position of the
   * thread's last event; the events up to it are those that were missed.
   */
  readonly onBegin?: (head: string | undefined) => void;
  /**
   * Something was missed for good, and whatever was open is void. What comes next is a beginning: `RUN_STARTED`,
   * `MESSAGES_SNAPSHOT`, the state, what is open opened again, and the rest as it comes.
   */
  readonly onGap?: (gap: Gap) => void;
  /** Nothing more comes. */
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
  /** The server has confirmed it on this socket: what comes before that belongs to an earlier one. */
  confirmed = false;
  /** It was confirmed, on a socket that is gone. */
  interrupted = false;
  /** The next event with a cursor is a beginning: there is nothing to compare it with. */
  #fresh = true;
  /** Events without a cursor: they count once the next one that has one is there, so that a drop between cannot double them. */
  #held: Held[] = [];

  constructor(topic: string, narrowing: Narrowing) {
    this.topic = topic;
    this.narrowing = narrowing;
  }

  /** The server follows the thread. `from`: the position its first event comes after, when that is no beginning. */
  confirm(from: string | undefined): void {
    this.confirmed = true;
    if (from === undefined) return;
    this.cursor = from;
    this.#fresh = false;
  }

  /** The socket is gone, and with it what was not complete. */
  interrupt(): void {
    this.interrupted ||= this.confirmed;
    this.confirmed = false;
    this.#held = [];
  }

  /** The events make no sense: the next confirmation is followed by a beginning. */
  restart(): void {
    this.gap({ reason: "skip" });
    this.confirmed = false;
    this.cursor = undefined;
  }

  /** `false`: it comes out of turn, and something was lost. */
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
      // A view that narrows something has holes that are no loss.
      if (!this.#narrows && next.offset - n !== known.offset) return false;
    }
    this.#fresh = false;
    this.cursor = cursor;
    for (const held of events) this.notify((listener) => listener.onEvent(...held));
    return true;
  }

  /** Until the beginning that follows is complete the old cursor stays: a drop before that leads to the same gap. */
  gap({ reason }: Gap): void {
    if (!this.confirmed) return;
    this.#held = [];
    this.#fresh = true;
    this.notify((listener) => listener.onGap?.({ reason }));
  }

  /** A listener that throws must not cost the others their event. */
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
