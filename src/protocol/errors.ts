/** An error that may pass: the HTTP status, and the code that closes a WebSocket, if the error closes it. */
function retryable<Close extends number | undefined = undefined>(status: number, close = undefined as Close) {
  return { status, close, retryable: true };
}

/** An error that stays, however often the request is sent. */
function final<Close extends number | undefined = undefined>(status: number, close = undefined as Close) {
  return { status, close, retryable: false };
}

/**
 * Every error a client can meet, in one table. Problems of a *run* travel as `RUN_ERROR` events with the same codes; they
 * never close a socket.
 */
export const ERRORS = {
  bad_request: final(400, 4400),
  unauthorized: final(401, 4401),
  forbidden: final(403, 4403),
  not_found: final(404),
  thread_busy: retryable(409),
  run_conflict: final(409),
  interrupt_pending: final(409),
  payload_too_large: final(413, 1009),
  rate_limited: retryable(429, 4429),
  cancelled: retryable(409),
  timeout_first_event: retryable(504),
  timeout_idle: retryable(504),
  timeout_total: retryable(504),
  model_error: retryable(502),
  graph_error: final(500),
  owner_lost: retryable(503),
  storage_unavailable: retryable(503),
  draining: retryable(503, 1012),
  overloaded: retryable(503, 1013),
  slow_consumer: retryable(503, 4290),
  not_implemented: final(501),
  internal: retryable(500, 4500),
};

/** The codes of errors, over HTTP, in frames and in `RUN_ERROR`. PROTOCOL.md has a table of them. */
export type ErrorCode = keyof typeof ERRORS;

/** The default messages of errors. They are not in `ERRORS`, so that clients in browsers need not load them. */
export const SENTENCES: Readonly<Record<ErrorCode, string>> = {
  bad_request: "The request is not valid.",
  unauthorized: "Sign in first.",
  forbidden: "This is not allowed.",
  not_found: "There is no such thing here.",
  thread_busy: "A run is active on this thread.",
  run_conflict: "This runId was used on this thread with another body.",
  interrupt_pending: "The thread waits for answers to its interrupts.",
  payload_too_large: "The message is too large.",
  rate_limited: "Too many requests.",
  cancelled: "The run was cancelled.",
  timeout_first_event: "The graph produced nothing in time.",
  timeout_idle: "The graph sent nothing for too long.",
  timeout_total: "The run took too long.",
  model_error: "The model call failed.",
  graph_error: "The graph failed.",
  owner_lost: "The process that ran this is gone.",
  storage_unavailable: "Storage is not available.",
  draining: "The server is shutting down.",
  overloaded: "The server is at its limit.",
  slow_consumer: "The socket did not drain in time.",
  not_implemented: "Sluice does not serve this.",
  internal: "Something went wrong on the server.",
};

/**
 * The close codes of the WebSocket standard for data that is not valid or not allowed. Sending it again does not help.
 */
const INVALID: Readonly<Record<number, ErrorCode>> = {
  1002: "bad_request",
  1003: "bad_request",
  1007: "bad_request",
  1008: "forbidden",
};

/**
 * Returns the error after which a client must not reconnect, for the close code of a WebSocket. `undefined`: the client
 * may reconnect. 1009 is not such an error although it is not retryable: only one message was too large.
 */
export function finalClose(closeCode: number): ErrorCode | undefined {
  const rows = rowsOf(({ close }) => close === closeCode && close >= 4000);
  return INVALID[closeCode] ?? rows.find((code) => !ERRORS[code].retryable);
}

/**
 * Does the same for the HTTP status of a refused handshake: it is final when no error with this status is retryable.
 */
export function finalStatus(status: number): ErrorCode | undefined {
  const rows = rowsOf((row) => row.status === status);
  return rows.some((code) => ERRORS[code].retryable) ? undefined : rows[0];
}

function rowsOf(test: (row: { readonly status: number; readonly close?: number }) => boolean): ErrorCode[] {
  return (Object.keys(ERRORS) as ErrorCode[]).filter((code) => test(ERRORS[code]));
}

/** The close code of a WebSocket whose message was too large. */
export const TOO_LARGE = ERRORS.payload_too_large.close;

/** An error whose message may leave the process. Anything else that is thrown is reported as `internal`. */
export class SluiceError extends Error {
  override readonly name = "SluiceError";
  readonly code: ErrorCode;
  /** Machine-readable particulars, such as the ids of open interrupts. */
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(
    code: ErrorCode,
    message: string = SENTENCES[code],
    options: ErrorOptions & { details?: Readonly<Record<string, unknown>> } = {},
  ) {
    super(message, options);
    this.code = code;
    this.details = options.details;
  }

  get status(): number {
    return ERRORS[this.code].status;
  }

  get retryable(): boolean {
    return ERRORS[this.code].retryable;
  }

  /** Returns the shape of an error in HTTP bodies and in `error` frames. */
  toJSON(): { code: ErrorCode; message: string; retryable: boolean; details?: Readonly<Record<string, unknown>> } {
    return {
      code: this.code,
      message: this.message,
      retryable: this.retryable,
      ...(this.details ? { details: this.details } : {}),
    };
  }

  /** Returns `thrown` if it may leave the process, otherwise an `internal` error with `thrown` as its cause. */
  static from(thrown: unknown): SluiceError {
    return SluiceError.is(thrown) ? thrown : new SluiceError("internal", undefined, { cause: thrown });
  }

  /** Checks anything thrown with `instanceof`. A proxy may throw during this check. */
  static is(thrown: unknown): thrown is SluiceError {
    try {
      return thrown instanceof SluiceError;
    } catch {
      return false;
    }
  }
}
