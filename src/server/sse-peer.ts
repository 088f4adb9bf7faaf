/** An HTTP response as a peer: `text/event-stream`, LF only, with comments to keep it alive. */
import type { ServerResponse } from "node:http";
import type { OpenConnection } from "./open-connections.ts";
import { type Peer, READY, type Unread } from "./peer.ts";
import { writeWithTurn } from "./turn-writes.ts";

export interface SsePeerOptions {
  /** The response continues a sequence of events, so its first frame may be one that is not in the log. */
  readonly continues: boolean;
  /** It ends with a run, and nothing may come after the run's end. */
  readonly ends: boolean;
  /** Milliseconds between comments. */
  readonly heartbeatMs: number;
  /** Milliseconds that a client may take to catch up before it is cut. */
  readonly drainMs: number;
  /** Called when it was cut. */
  readonly slow: (unread: Unread) => void;
}

export class SsePeer implements Peer, OpenConnection {
  readonly #response: ServerResponse;
  readonly #ends: boolean;
  readonly #drainMs: number;
  readonly #cut: () => void;
  readonly #closed = new AbortController();
  readonly #heartbeat: NodeJS.Timeout;
  #begun: boolean;
  /** A frame that is not in the log, and is sent with the next frames. */
  #unlogged: string | undefined;
  /** Writes that the client has not taken yet, keep-alives included. */
  #waiting = 0;
  /** Writes with frames of the log that were not taken yet. */
  #behind = 0;
  /** Runs while something waits; starts again with each write that was taken. */
  #clock: NodeJS.Timeout | undefined;

  constructor(response: ServerResponse, { continues, ends, heartbeatMs, drainMs, slow }: SsePeerOptions) {
    this.#response = response;
    this.#begun = continues;
    this.#ends = ends;
    this.#drainMs = drainMs;
    this.#cut = () => {
      slow({ frames: this.#waiting, bytes: response.writableLength });
      response.destroy();
    };
    response.writeHead(200, {
      "Content-Type": "text/event-stream",
      "Cache-Control": "no-cache, no-transform",
      // nginx buffers a response unless this header forbids it.
      "X-Accel-Buffering": "no",
    });
    response.flushHeaders();
    // No comment is written while the client lags, so that it does not delay frames.
    this.#heartbeat = setInterval(() => {
      if (!response.writableNeedDrain) this.#write(": keep-alive\n\n");
    }, heartbeatMs);
    response.once("close", () => {
      clearInterval(this.#heartbeat);
      clearTimeout(this.#clock);
      this.#closed.abort();
    });
  }

  get closed(): AbortSignal {
    return this.#closed.signal;
  }

  get waitingBytes(): number {
    return this.#response.writableLength;
  }

  /** Ends it at once, as a slow consumer. */
  cut(): void {
    this.#cut();
  }

  send(frames: readonly string[]): Promise<void> {
    if (frames.length === 0 || this.#closed.signal.aborted) return READY;
    const text = this.#unlogged === undefined ? frames.join("") : this.#withUnlogged(this.#unlogged, frames);
    this.#begun = true;
    this.#behind += 1;
    if (this.#response.socket) writeWithTurn(this.#response.socket);
    return this.#write(text, this.#caughtUp) ? READY : this.#drain();
  }

  /**
   * Sends a frame that is not in the log, at the next place where an event may be: after a run's start. If the response
   * ends with its run, the frame also has to come before the run's end, which a slow client may not have read yet.
   */
  sendUnlogged(frame: string): void {
    if (frame === "" || this.#closed.signal.aborted) return;
    if (this.#begun && !(this.#ends && this.#behind > 0)) this.#write(frame);
    else this.#unlogged = frame;
  }

  #withUnlogged(unlogged: string, frames: readonly string[]): string {
    this.#unlogged = undefined;
    const at = this.#begun ? 0 : 1;
    return [...frames.slice(0, at), unlogged, ...frames.slice(at)].join("");
  }

  /**
   * Closes the connection in the middle of the response. A client that has read everything so far gets one last frame.
   */
  hangUp(last = ""): void {
    if (this.#closed.signal.aborted) return;
    const response = this.#response;
    if (last === "" || !this.#begun || this.#behind > 0) response.destroy();
    else {
      this.#write(last, () => {
        this.#taken();
        response.destroy();
      });
    }
    this.#closed.abort();
  }

  /** Ends the response after the frames that were sent. If the client does not read them in time, it is cut. */
  end(): void {
    // A write after the end is an error that nobody would catch.
    clearInterval(this.#heartbeat);
    if (this.#closed.signal.aborted) return;
    const timer = setTimeout(this.#cut, this.#drainMs);
    this.#response.once("close", () => clearTimeout(timer));
    this.#response.end();
  }

  #write(text: string, taken = this.#taken): boolean {
    this.#waiting += 1;
    this.#clock ??= this.#startClock();
    return this.#response.write(text, taken);
  }

  readonly #taken = (): void => {
    this.#waiting -= 1;
    clearTimeout(this.#clock);
    this.#clock = this.#waiting > 0 ? this.#startClock() : undefined;
  };

  readonly #caughtUp = (): void => {
    this.#behind -= 1;
    this.#taken();
  };

  #startClock(): NodeJS.Timeout {
    return setTimeout(this.#cut, this.#drainMs);
  }

  #drain(): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#response.off("drain", done).off("close", done);
        resolve();
      };
      this.#response.once("drain", done).once("close", done);
    });
  }
}

/** One SSE frame. JSON has no line breaks, so one `data:` line holds it. */
export function sseFrame(data: string, id: string | undefined): string {
  return id === undefined ? `data: ${data}\n\n` : `id: ${id}\ndata: ${data}\n\n`;
}
