/** One open line to a client, whatever it is made of. */

/**
 * The most that may wait for a peer that does not read. Frames are bounded too: closing over many small ones blocks.
 */
export const HIGH_WATER = { bytes: 256 * 1024, frames: 512 } as const;

export interface Peer {
  /**
   * Sends frames, in order. Resolves when the peer can take more: a caller that awaits it never fills memory for a slow
   * one. Sending to a closed peer does nothing.
   */
  send(frames: readonly string[]): Promise<void>;
  /** Aborts when the line is down, whichever side ended it. */
  readonly closed: AbortSignal;
}

/** A peer that is read from too. */
export interface TalkingPeer extends Peer {
  /**
   * Answers what the peer asked. A peer that asks and does not read its answers is not read from until it does: else its
   * answers would fill memory. What runs send does not count, or a slow reader could not stop its run.
   */
  answer(frames: readonly string[]): void;
}

/** The frames that waited for a peer that did not read, when it was cut. */
export interface Unread {
  readonly frames: number;
  readonly bytes: number;
}

export const READY: Promise<void> = Promise.resolve();
