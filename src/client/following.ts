/** The options of a caller that follows a run or a thread, and the handle that it gets. */
import type { Listener, Narrowing } from "./subscription.ts";

export interface RunOptions extends Narrowing, Partial<Listener> {
  /** The agent's name. Default: the agent in the URL, else the server's first agent. */
  readonly agent?: string;
}

export interface SubscribeOptions extends Narrowing, Listener {
  /** Continue after this cursor. Default: begin with the present state of the thread. */
  readonly after?: string;
}

/** A user's message for an active run. The sender chooses its id, which no other message of the thread may have. */
export interface InjectedText {
  readonly id: string;
  readonly content: string;
}

/** A run or a thread that is followed. */
export interface Following {
  /** Resolves when the server has confirmed it. Rejects with the error that `onError` also gets. */
  readonly confirmed: Promise<void>;
  /** The cursor of the last event that was handed out; `undefined` before the first. */
  readonly cursor: string | undefined;
  /** Stops the events. The run continues. */
  unsubscribe(): void;
}
