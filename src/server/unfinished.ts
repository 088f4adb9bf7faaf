/** A WebSocket message that its client does not finish: until then the server keeps what has come of it. */

/** A client may leave so many bytes unfinished: they cost less than the socket. */
const FREE_BYTES = 16_384;

/** The header of a control frame, with its mask. */
const HEADER_BYTES = 6;

/** Watches one socket by the bytes that were read from it. Only control frames may come within a message. */
export class Unfinished {
  readonly #line: { readonly bytesRead: number };
  #complete: number;
  #begun = false;

  constructor(line: { readonly bytesRead: number }) {
    this.#line = line;
    this.#complete = line.bytesRead;
  }

  /** A message is complete. */
  message(): void {
    this.#complete = this.#line.bytesRead;
    this.#begun = false;
  }

  /** A ping or a pong with so many bytes came. */
  control(bytes: number): void {
    this.#complete += HEADER_BYTES + bytes;
  }

  /** Call it with every heartbeat. Is a message unfinished that was begun before the last call? */
  isOld(): boolean {
    const old = this.#begun;
    this.#begun = this.#line.bytesRead - this.#complete > FREE_BYTES;
    return old && this.#begun;
  }
}
