/** A WebSocket message that its client does not finish: until then the server keeps what has come of it. */

/**
 * A client may leave so many bytes unfinished: they cost less than the socket. Of a longer message it has to send so many
 * with every heartbeat.
 */
const FREE_BYTES = 16_384;

/** The header of a control frame, with its mask. */
const HEADER_BYTES = 6;

/** `idle`: no message is unfinished, or little of one has come. */
export type Progress = "idle" | "moving" | "stalled";

/** Watches one socket by the bytes that were read from it. Only control frames may come within a message. */
export class Unfinished {
  readonly #line: { readonly bytesRead: number };
  #complete: number;
  /** The bytes of the unfinished message at the last heartbeat. */
  #held = 0;

  constructor(line: { readonly bytesRead: number }) {
    this.#line = line;
    this.#complete = line.bytesRead;
  }

  /** A message is complete. */
  message(): void {
    this.#complete = this.#line.bytesRead;
    this.#held = 0;
  }

  /** A ping or a pong with so many bytes came. */
  control(bytes: number): void {
    this.#complete += HEADER_BYTES + bytes;
  }

  /** Call it with every heartbeat: the progress since the last one. */
  progress(): Progress {
    const before = this.#held;
    this.#held = this.#line.bytesRead - this.#complete;
    if (this.#held <= FREE_BYTES) return "idle";
    return this.#held - before < FREE_BYTES ? "stalled" : "moving";
  }
}
