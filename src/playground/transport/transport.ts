/** What the page needs of a line to the server, whichever of the protocol's ways it goes. */
import type { ReadonlySignal } from "@preact/signals";
import type { Narrowing } from "../../client/connection.ts";
import type { AguiEvent, RunAgentInput } from "../../protocol/events.ts";

/** `frames`: a WebSocket with the subprotocol. `bare`: a WebSocket with events and nothing else. `sse`: HTTP. */
export type TransportKind = "frames" | "bare" | "sse";

/** One event as it arrived. */
export interface Received {
  readonly event: AguiEvent;
  /** Where the thread stands behind it; some events have none, and over `bare` no event has. */
  readonly cursor: string | undefined;
  /** How many entries of the log it covers. 0: it was made for this connection alone. */
  readonly entries: number;
  /** The size of the message or frame that it came in. */
  readonly bytes: number;
  /** `performance.now()`. */
  readonly at: number;
  /** It was caught up on after the line had been gone. */
  readonly replayed: boolean;
}

/** How the line came back. */
export interface Resume {
  /** The cursor it went on behind. None: it was told anew, from the beginning of what it was told. */
  readonly from: string | undefined;
  /** `performance.now()` when the line was open again. */
  readonly at: number;
  /** What was missed is kept no more, so the thread was told anew: then the numbers say nothing of a loss. */
  readonly anew: boolean;
  /** How many entries of the log had been missed and were caught up on; over `bare`, how many events the run was told again in. */
  readonly replayed: number;
  /** How many are missing for good. */
  readonly lost: number;
  /** How many were told although they had been told before; they were skipped, or replaced what they had told. */
  readonly doubled: number;
  /** From losing the line to having caught up, in milliseconds. */
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

export interface Listener {
  onEvent(received: Received): void;
  /**
   * What is held of the thread is void: what comes next tells it from its beginning. `missed`: because it cannot be
   * continued, and its events of the time between are no longer kept.
   */
  onBeginning(missed?: boolean): void;
  /** The line is back and has caught up. */
  onResume(resume: Resume): void;
  /** The thread is followed no more. */
  onError(error: LineError): void;
}

export interface Transport {
  readonly kind: TransportKind;
  readonly state: ReadonlySignal<LineState>;
  /** The line was cut by hand, and is not mended yet. */
  readonly down: boolean;
  /**
   * Follows a thread, from where it stands and through every reconnect, until the function it returns is called. One
   * thread at a time: following another leaves this one.
   */
  follow(threadId: string, narrowing: Narrowing, listener: Listener): () => void;
  /**
   * Starts a run on the thread that is followed; its events go to who follows it. Resolves once the server has taken it.
   * @throws LineError with the server's code.
   */
  run(agent: string, input: RunAgentInput): Promise<void>;
  /**
   * Cancels the thread's active run. `agent`: any agent's name; some ways need one.
   * @throws LineError `not_found` when nothing runs.
   */
  cancel(agent: string, threadId: string): Promise<void>;
  /** How many graph events the allow-list refused in the thread's last run, by name; only frames can tell. */
  refused(threadId: string): Promise<Readonly<Record<string, number>> | undefined>;
  /** Drops the line as a lost network would. It comes back by itself. */
  cut(): void;
  /** Ends the wait for the next attempt. */
  retryNow(): void;
  close(): void;
}
