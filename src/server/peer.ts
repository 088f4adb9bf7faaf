/** One open connection to a client, over any transport. */

/**
 * The most that may wait for a peer that does not read. The number of frames is limited too, because closing a socket
 * with many small frames blocks.
 */
export const HIGH_WATER = { bytes: 256 * 1024, frames: 512 } as const;

export interface Peer {
  /**
   * Sends frames, in order. Resolves when the peer can take more: a caller that awaits it never fills memory for a slow
   * peer. Sending to a closed peer does nothing.
   */
  send(frames: readonly string[]): Promise<void>;
  /** Aborts when the line is down, whichever side ended it. */
  readonly closed: AbortSignal;
}

/** A peer that is read from too. */
export interface TalkingPeer extends Peer {
  /**
   * Answers a request of the peer. While a peer does not read its answers, nothing more is read from it, because the
   * answers would fill memory. Events of runs do not count: a slow reader must be able to stop its run.
   */
  answer(frames: readonly string[]): void;
}

/** The frames that waited for a peer that did not read, when it was cut. */
export interface Unread {
  readonly frames: number;
  readonly bytes: number;
}

export const READY: Promise<void> = Promise.resolve();
