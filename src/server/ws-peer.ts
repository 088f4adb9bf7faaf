/** A WebSocket as a peer: one frame, one text message. */
import { setMaxListeners } from "node:events";
import type { Duplex } from "node:stream";
import type { WebSocket } from "ws";
import type { ErrorCode } from "../protocol/errors.ts";
import { ERRORS, SENTENCES } from "../protocol/errors.ts";
import type { OpenConnection } from "./open-connections.ts";
import { HIGH_WATER, READY, type TalkingPeer, type Unread } from "./peer.ts";
import { writeWithTurn } from "./turn-writes.ts";
import { textFrame } from "./ws-frame.ts";

/** Counted for each answer besides its text, so that empty ones are bounded too. */
const FRAME_BYTES = 64;

/** The milliseconds that a client has to read the close code, when nothing more is read from it. */
const SHUT_MS = 250;

interface Drained {
  readonly promise: Promise<void>;
  readonly resolve: () => void;
  readonly timer: NodeJS.Timeout;
}

export class WsPeer implements TalkingPeer, OpenConnection {
  readonly #socket: WebSocket;
  readonly #stream: Duplex;
  readonly #drainMs: number;
  readonly #slow: (unread: Unread) => void;
  readonly #closed = new AbortController();
  #queued = 0;
  #drained: Drained | undefined;
  /** Bytes of answers that wait to be written. */
  #unanswered = 0;
  /** Set while the socket is not read from. */
  #paused: NodeJS.Timeout | undefined;
  #shut = false;

  /**
   * `stream`: the connection below the socket, for `textFrame`. `drainMs`: how long a socket may take to catch up before
   * it is cut. `slow` is called then.
   */
  constructor(socket: WebSocket, stream: Duplex, drainMs: number, slow: (unread: Unread) => void) {
    this.#socket = socket;
    this.#stream = stream;
    this.#slow = slow;
    this.#drainMs = drainMs;
    setMaxListeners(0, this.#closed.signal); // Each followed topic adds a listener.
    socket.on("close", () => {
      clearTimeout(this.#paused);
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
    writeWithTurn(this.#stream);
    // One callback for all frames, because the socket writes them in order.
    const written = frames.length === 1 ? this.#oneWritten : () => this.#written(frames.length);
    for (let index = 0; index < frames.length - 1; index += 1) this.#stream.write(textFrame(frames[index] as string));
    this.#stream.write(textFrame(frames.at(-1) as string), written);
    if (!this.#overfull) return READY;
    this.#drained ??= this.#awaitDrain();
    return this.#drained.promise;
  }

  answer(frames: readonly string[]): void {
    for (const frame of frames) {
      this.#count(Buffer.byteLength(frame), (written) => this.#socket.send(frame, written));
    }
  }

  /** Answers a ping; by hand, so that unread pongs count as answers. */
  pong(data: Buffer): void {
    this.#count(data.length, (written) => this.#socket.pong(data, undefined, written));
  }

  /** Too many answers wait, so nothing is read from the socket, not even its pongs. */
  get paused(): boolean {
    return this.#paused !== undefined;
  }

  #count(bytes: number, send: (written: () => void) => void): void {
    if (this.#socket.readyState !== this.#socket.OPEN) return;
    this.#unanswered += bytes + FRAME_BYTES;
    send(() => {
      this.#unanswered -= bytes + FRAME_BYTES;
      if (this.#paused && this.#unanswered <= HIGH_WATER.bytes / 4) this.#resume();
    });
    if (this.#unanswered <= HIGH_WATER.bytes || this.#paused) return;
    this.#socket.pause();
    this.#paused = setTimeout(() => this.cut(), this.#drainMs);
  }

  #resume(): void {
    clearTimeout(this.#paused);
    this.#paused = undefined;
    if (!this.#shut) this.#socket.resume();
  }

  /** Includes all bytes that the socket has not written, also those of runs. */
  get waitingBytes(): number {
    return this.#socket.bufferedAmount;
  }

  /** Ends it at once, as a slow consumer. */
  cut(): void {
    this.#slow({ frames: this.#queued, bytes: this.#socket.bufferedAmount });
    this.#socket.terminate();
  }

  /** Closes with the code of an error: 4000 plus its HTTP status, if the table has no close code. */
  close(code: ErrorCode, reason = SENTENCES[code]): void {
    const { close, status } = ERRORS[code];
    this.#socket.close(close ?? 4_000 + status, shortened(reason));
  }

  /** The socket is closing. Messages that were read before and still come in are ignored. */
  get isShut(): boolean {
    return this.#shut;
  }

  /** Closes, and reads nothing more: a client that floods would go on after the close, at the others' cost. */
  shut(code: ErrorCode): void {
    if (this.#shut) return;
    this.#shut = true;
    this.close(code);
    this.#socket.pause();
    // The client's answer to the close is not read. By this time the client has read the code.
    const timer = setTimeout(() => this.#socket.terminate(), SHUT_MS);
    this.#closed.signal.addEventListener("abort", () => clearTimeout(timer), { once: true });
  }

  /** Closes it in good order: all was sent. */
  end(): void {
    this.#socket.close(1000);
  }

  get #overfull(): boolean {
    return this.#queued > HIGH_WATER.frames || this.#socket.bufferedAmount > HIGH_WATER.bytes;
  }

  /** Most calls send one frame, for every token and reader. They share this callback. */
  readonly #oneWritten = (): void => this.#written(1);

  #written(count: number): void {
    this.#queued -= count;
    if (this.#drained && this.#queued <= HIGH_WATER.frames / 4) this.#release();
  }

  #awaitDrain(): Drained {
    // A close frame would wait in the same blocked queue, so the connection is cut.
    const timer = setTimeout(() => this.cut(), this.#drainMs);
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

/** A close frame has no room for more. */
const REASON_BYTES = 123;

function shortened(reason: string): string {
  let short = reason;
  while (Buffer.byteLength(short) > REASON_BYTES) short = short.slice(0, -1);
  return short.toWellFormed();
}
