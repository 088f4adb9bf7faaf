/** Reconnects after each loss, with the pauses of the client library. */
import { type Signal, signal } from "@preact/signals";
import { pauseMs } from "../../client/backoff.ts";
import { finalClose } from "../../protocol/errors.ts";
import type { LineError, LineState } from "./transport.ts";

const LONGEST_MS = 8_000;

export class Attempts {
  readonly state: Signal<LineState> = signal({ status: "idle" });
  readonly #connect: () => void;
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(connect: () => void) {
    this.#connect = connect;
  }

  /** Connects now, and cancels the planned attempt. */
  now(): void {
    clearTimeout(this.#timer);
    if (this.state.value.status === "closed") return;
    this.state.value = { status: "connecting" };
    this.#connect();
  }

  opened(): void {
    this.state.value = { status: "open" };
  }

  /** Resets the count of failures, because the line has worked. */
  useful(): void {
    this.#failures = 0;
  }

  /** Plans the next attempt, or closes for good. `closeCode`: the close code of the WebSocket. */
  lost(message: string, closeCode = 1006): void {
    clearTimeout(this.#timer);
    const code = finalClose(closeCode);
    if (code) {
      this.close({ code, message, retryable: false });
      return;
    }
    const pause = pauseMs(this.#failures, closeCode, undefined, { longestMs: LONGEST_MS });
    this.#failures += 1;
    this.#timer = setTimeout(() => this.now(), pause);
    const error: LineError = { code: "unreachable", message, retryable: true };
    this.state.value = { status: "waiting", retryAt: Date.now() + pause, error };
  }

  close(error?: LineError): void {
    clearTimeout(this.#timer);
    this.state.value = error ? { status: "closed", error } : { status: "closed" };
  }
}
