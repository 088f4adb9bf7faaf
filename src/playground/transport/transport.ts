/** The page's connection to the server, over any of the protocol's transports. */
import type { ReadonlySignal } from "@preact/signals";
import type { InjectedText, Narrowing } from "../../client/connection.ts";
import type { AguiEvent, RunAgentInput } from "../../protocol/events.ts";

/** `frames`: a WebSocket with the subprotocol. `bare`: a WebSocket that carries only events. `sse`: HTTP. */
export type TransportKind = "frames" | "bare" | "sse";

/** One event as it arrived. */
export interface Received {
  readonly event: AguiEvent;
  /** The cursor after this event. Some events have none; over `bare` no event has one. */
  readonly cursor: string | undefined;
  /** The number of log entries that it covers. 0: it was made for this connection only. */
  readonly entries: number;
  /** The size of the message or frame that it came in. */
  readonly bytes: number;
  /** `performance.now()`. */
  readonly at: number;
  /** It was missed while the connection was cut, and sent afterwards. */
  readonly replayed: boolean;
}

/** A reconnect that has caught up. */
export interface Resume {
  /** The cursor after which it continued. Absent if the thread was sent from its beginning again. */
  readonly from: string | undefined;
  /** `performance.now()` when the connection was open again. */
  readonly at: number;
  /** The log no longer keeps the missed events, so the thread was sent again. The numbers then do not show a loss. */
  readonly anew: boolean;
  /**
   * The number of missed log entries that were sent afterwards; over `bare`, the number of events that repeated the
   * run.
   */
  readonly replayed: number;
  /** The number of entries that are lost. */
  readonly lost: number;
  /** The number of entries that were sent twice. They were skipped, or replaced the earlier ones. */
  readonly doubled: number;
  /** The time from the cut until it had caught up, in milliseconds. */
  readonly tookMs: number;
}

export interface LineError {
  readonly code: string;
  readonly message: string;
  readonly retryable: boolean;
  readonly details?: unknown;
}

export interface LineState {
  /** `waiting`: for the next attempt. `closed`: for good. */
  readonly status: "idle" | "connecting" | "open" | "waiting" | "closed";
  /** When the next attempt begins, as `Date.now()` counts. */
  readonly retryAt?: number;
  readonly error?: LineError;
}

export interface ThreadListener {
  onEvent(received: Received): void;
  /**
   * The listener discards its state of the thread, because the next events describe the thread from its beginning.
   * `missed`: the events in between are no longer kept.
   */
  onBeginning(missed?: boolean): void;
  /** The connection is open again and has caught up. */
  onResume(resume: Resume): void;
  /** The thread is no longer followed. */
  onError(error: LineError): void;
}

export interface Transport {
  readonly kind: TransportKind;
  readonly state: ReadonlySignal<LineState>;
  /** The connection was cut by hand, and has not reconnected yet. */
  readonly down: boolean;
  /**
   * Follows a thread from its current state, through every reconnect, until the returned function is called. Following
   * another thread ends this one.
   */
  follow(threadId: string, narrowing: Narrowing, listener: ThreadListener): () => void;
  /**
   * Starts a run on the followed thread; its events go to the listener. Resolves when the server has accepted it.
   * @throws LineError with the server's code.
   */
  run(agent: string, input: RunAgentInput): Promise<void>;
  /**
   * Cancels the thread's active run. `agent`: the name of any agent; some transports need one.
   * @throws LineError `not_found` when nothing runs.
   */
  cancel(agent: string, threadId: string): Promise<void>;
  /**
   * Sends a message into the thread's active run. Resolves when the server keeps it. Later events report whether the
   * run took the message.
   * @throws LineError `not_found` when nothing runs.
   */
  inject(agent: string, threadId: string, message: InjectedText): Promise<void>;
  /**
   * The number of graph events that the allow-list refused in the thread's last run, by name. Only frames report it.
   */
  refused(threadId: string): Promise<Readonly<Record<string, number>> | undefined>;
  /** Cuts the connection as a lost network would. It reconnects by itself. */
  cut(): void;
  /** Ends the wait for the next attempt. */
  retryNow(): void;
  close(): void;
}
