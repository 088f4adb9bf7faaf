/** The most commands that may wait in one line. More are refused, so that no queue is without a bound. */
export const MAX_WAITING_COMMANDS = 32;

/** Everything that a WebSocket sends and receives, in whichever format. */
export interface Conversation {
  /** For the operator. */
  readonly formatName: string;
  /** Called once, before anything is received. */
  open(): Promise<void>;
  /** Does what a message asks, and tells the peer what is wrong with it. Rejects with what must not be told. */
  receive(text: string): Promise<void>;
  /** Tells the peer that the server is about to go, where the format has a word for it. */
  drain?(reconnectAfterMs: number): void;
}
