/** The network between this page and the server, which the page can cut for a test. */
import { ERRORS } from "../../protocol/errors.ts";
import { lineError } from "./http.ts";

/** Milliseconds for which the network stays cut: long enough to miss events. */
const OUTAGE_MS = 1_200;

export class Wire {
  readonly #holders = new Set<() => void>();
  #downUntil = 0;

  get down(): boolean {
    return performance.now() < this.#downUntil;
  }

  /** Registers `lose`, which is called when the wire is cut. The returned function removes it. */
  hold(lose: () => void): () => void {
    this.#holders.add(lose);
    return () => this.#holders.delete(lose);
  }

  cut(): void {
    this.#downUntil = performance.now() + OUTAGE_MS;
    for (const lose of [...this.#holders]) lose();
  }

  mend(): void {
    this.#downUntil = 0;
  }
}

/** The close code for a socket that neither side closed. */
const ABNORMAL = 1006;

/**
 * A browser's WebSocket on a wire that can be cut. A cut is reported at once, with 1006, as after a lost network.
 */
export class WiredSocket {
  onopen: (() => void) | null = null;
  onmessage: ((event: { data: unknown }) => void) | null = null;
  onclose: ((event: { code: number; reason: string }) => void) | null = null;
  onerror: ((event: { message?: string }) => void) | null = null;
  #socket: WebSocket | undefined;
  #closed = false;
  readonly #release: () => void;

  /** `address`: a promise if a ticket must be requested first. */
  constructor(wire: Wire, address: string | Promise<string>, protocol: string | undefined) {
    this.#release = wire.hold(() => this.#end({ code: ABNORMAL, reason: "The wire was cut." }));
    if (wire.down) {
      setTimeout(() => this.#end({ code: ABNORMAL, reason: "The wire is cut." }));
      return;
    }
    Promise.resolve(address).then(
      (url) => this.#open(url, protocol),
      (thrown: unknown) => {
        const { code, message } = lineError(thrown);
        this.#end({ code: closeCode(code), reason: message });
      },
    );
  }

  #open(url: string, protocol: string | undefined): void {
    if (this.#closed) return;
    const socket = new WebSocket(url, protocol ? [protocol] : []);
    this.#socket = socket;
    socket.onopen = () => this.onopen?.();
    socket.onmessage = ({ data }: MessageEvent) => this.onmessage?.({ data });
    socket.onerror = () => this.onerror?.({});
    socket.onclose = ({ code, reason }) => this.#end({ code, reason });
  }

  send(text: string): void {
    this.#socket?.send(text);
  }

  close(code?: number): void {
    this.#closed = true;
    if (this.#socket) this.#socket.close(code);
    else this.#release();
  }

  #end(why: { code: number; reason: string }): void {
    this.#release();
    this.#closed = true;
    const socket = this.#socket;
    this.#socket = undefined;
    if (socket) {
      socket.onopen = socket.onmessage = socket.onerror = socket.onclose = null;
      socket.close();
    }
    const { onclose } = this;
    this.onclose = null;
    onclose?.(why);
  }
}

/** Returns the WebSocket close code for an error code. */
function closeCode(error: string): number {
  return (ERRORS as Readonly<Record<string, { readonly close?: number }>>)[error]?.close ?? ABNORMAL;
}
