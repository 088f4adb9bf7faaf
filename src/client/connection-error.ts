/**
 * The error of a connection or a run. `code` is a code of PROTOCOL.md or one of the client's own: `closed` (this side
 * closed), `unreachable` (no attempt succeeded), `lost` (the server does not know how a run ended).
 */
export class ConnectionError extends Error {
  override readonly name = "ConnectionError";
  readonly code: string;
  /** Can the same request succeed later? */
  readonly retryable: boolean;
  /** Machine-readable particulars, such as the ids of open interrupts. */
  readonly details: unknown;

  constructor(code: string, message: string, { retryable = false, details }: ErrorParticulars = {}) {
    super(message);
    this.code = code;
    this.retryable = retryable;
    this.details = details;
  }
}

export interface ErrorParticulars {
  readonly retryable?: boolean;
  readonly details?: unknown;
}
