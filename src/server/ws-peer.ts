/** A WebSocket as a peer: one frame, one text message. */
import type { WebSocket } from "ws";
import type { ErrorCode } from "../protocol/errors.ts";
import { ERRORS } from "../protocol/errors.ts";
import { HIGH_WATER, type Peer, READY } from "./peer.ts";

interface Drained {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly timer: NodeJS.Timeout;
}

export class WsPeer implements Peer {
  readonly #socket: WebSocket;
  readonly #drainMs: number;
  readonly #closed = new AbortController();
  #queued = 0;
  #drained: Drained | undefined;

  /** `drainMs`: how long a socket may take to catch up before it is cut. */
  constructor(socket: WebSocket, drainMs: number) {
    this.#socket = socket;
    this.#drainMs = drainMs;
    socket.once("close", () => {
      this.#closed.abort();
      this.#release();
    });
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  send(frames: readonly string[]): Promise<void> {
    if (frames.length === 0 || this.#socket.readyState !== this.#socket.OPEN) return READY;
    this.#queued += frames.length;
    const last = frames.length - 1;
    // One callback for the lot: the socket writes in order.
    frames.forEach((frame, index) => {
      this.#socket.send(frame, index === last ? () => this.#written(frames.length) : undefined);
    });
    if (!this.#overfull) return READY;
    this.#drained ??= this.#awaitDrain();
    return this.#drained.promise;
  }

  /** Closes with the code of an error. */
  close(code: ErrorCode): void {
    const { sentence, ...entry } = ERRORS[code];
    this.#socket.close("close" in entry ? entry.close : 4500, sentence);
  }

  get #overfull(): boolean {
    return this.#queued > HIGH_WATER.frames || this.#socket.bufferedAmount > HIGH_WATER.bytes;
  }

  #written(count: number): void {
    this.#queued -= count;
    if (this.#drained && this.#queued <= HIGH_WATER.frames / 4) this.#release();
  }

  #awaitDrain(): Drained {
    // A close frame would wait in the same queue that does not move, so the line is cut.
    const timer = setTimeout(() => this.#socket.terminate(), this.#drainMs);
    let resolve = () => {};
    const promise = new Promise<void>((done) => {
      resolve = done;
    });
    return { promise, resolve, timer };
  }

  #release(): void {
    clearTimeout(this.#drained?.timer);
    this.#drained?.resolve();
    this.#drained = undefined;
  }
}
