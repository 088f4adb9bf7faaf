import type { Visitor } from "../runs/visitor.ts";

/** The most commands that may wait in one line. More are refused, so that no queue is without a bound. */
export const MAX_WAITING_COMMANDS = 32;

/** Everything that a WebSocket sends and receives, in whichever format. */
export interface Dialogue {
  /** The name of the format, for the operator. */
  readonly formatName: string;
  /** `undefined` before it has signed in. */
  readonly visitor: Visitor | undefined;
  /** Called once, before anything is received. */
  open(): Promise<void>;
  /** Carries out a message, and reports its errors to the peer. Rejects with an error that clients must not see. */
  receive(text: string): Promise<void>;
  /** Shows the peer that the line is up, where the format has a word for it. Called at each heartbeat of the server. */
  beat?(): void;
  /** Reports to the peer that the server is about to stop, if the format has a frame for it. */
  drain?(reconnectAfterMs: number): void;
}
