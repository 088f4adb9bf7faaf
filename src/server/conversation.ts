import type { Visitor } from "../runs/visitor.ts";

/** The most commands that may wait in one line. More are refused, so that no queue is without a bound. */
export const MAX_WAITING_COMMANDS = 32;

/** Everything that a WebSocket sends and receives, in whichever format. */
export interface Conversation {
  /** For the operator. */
  readonly formatName: string;
  /** `undefined` before it has signed in. */
  readonly visitor: Visitor | undefined;
  /** Called once, before anything is received. */
  open(): Promise<void>;
  /**
   * Carries out a message, and reports to the peer what is wrong with it. Rejects with an error that must not leave.
   */
  receive(text: string): Promise<void>;
  /** Shows the peer that the line is up, where the format has a word for it. Called at each heartbeat of the server. */
  beat?(): void;
  /** Reports to the peer that the server is about to go, where the format has a word for it. */
  drain?(reconnectAfterMs: number): void;
}
