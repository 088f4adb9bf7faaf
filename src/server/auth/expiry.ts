/** The end of a credential, and the warning before it. */
import { SluiceError } from "../../protocol/errors.ts";
import { type AguiEvent, EventType } from "../../protocol/events.ts";
import type { Principal } from "../../runs/principal.ts";

/** Milliseconds before the end that a client is warned. */
const WARNING_MS = 60_000;

/** The longest time of a timer in Node. */
const LONGEST_MS = 2 ** 31 - 1;

export interface Expiry {
  /** The sign-in expires in so many seconds. */
  readonly expiring: (seconds: number) => void;
  /** The sign-in has expired. */
  readonly over: () => void;
}

/**
 * Calls `expiring` and `over` in time, until the returned function is called. It never calls them before it returns.
 */
export function watchExpiry({ expiresAt }: Principal, { expiring, over }: Expiry): () => void {
  const left = (expiresAt ?? Number.POSITIVE_INFINITY) - Date.now();
  if (expiresAt === undefined || left > LONGEST_MS) return () => {}; // More than three weeks: no connection lasts that long.
  const warn = () => expiring(Math.max(0, Math.ceil((expiresAt - Date.now()) / 1_000)));
  const timers = [setTimeout(warn, Math.max(0, left - WARNING_MS)), setTimeout(over, left)];
  return () => timers.forEach(clearTimeout);
}

/** The warning, for clients whose messages are AG-UI's events. */
export function tokenExpiring(expiresInSeconds: number): AguiEvent {
  return { type: EventType.CUSTOM, name: "sluice.token_expiring", value: { expiresInSeconds } };
}

/** The end of the sign-in, for the same clients. It is an error of the connection, because the run goes on. */
export function tokenExpired(): AguiEvent {
  const error = new SluiceError("unauthorized", "The sign-in has expired.");
  return { type: EventType.CUSTOM, name: "sluice.error", value: error.toJSON() };
}
