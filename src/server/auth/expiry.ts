/** The end of a credential, and the warning before it. */
import { SluiceError } from "../../protocol/errors.ts";
import { type AguiEvent, EventType } from "../../protocol/events.ts";
import type { Principal } from "../../runs/principal.ts";

/** Milliseconds before the end that a client is warned. */
const WARNING_MS = 60_000;

/** The longest that a timer of Node's can run. */
const LONGEST_MS = 2 ** 31 - 1;

export interface Expiry {
  /** The sign-in expires in so many seconds. */
  readonly expiring: (seconds: number) => void;
  /** The sign-in has expired. */
  readonly over: () => void;
}

/** Calls both in time, until the function that this returns is called. Neither is called while this function runs. */
export function watchExpiry({ expiresAt }: Principal, { expiring, over }: Expiry): () => void {
  const left = (expiresAt ?? Number.POSITIVE_INFINITY) - Date.now();
  if (expiresAt === undefined || left > LONGEST_MS) return () => {}; // Three weeks and more: no line is held that long.
  const warn = () => expiring(Math.max(0, Math.ceil((expiresAt - Date.now()) / 1_000)));
  const timers = [setTimeout(warn, Math.max(0, left - WARNING_MS)), setTimeout(over, left)];
  return () => timers.forEach(clearTimeout);
}

/** The warning, for clients whose messages are AG-UI's events. */
export function tokenExpiring(expiresInSeconds: number): AguiEvent {
  return { type: EventType.CUSTOM, name: "sluice.token_expiring", value: { expiresInSeconds } };
}

/** The end, for such clients: an error of the line, since the run goes on. */
export function tokenExpired(): AguiEvent {
  const error = new SluiceError("unauthorized", "The sign-in has expired.");
  return { type: EventType.CUSTOM, name: "sluice.error", value: error.toJSON() };
}
