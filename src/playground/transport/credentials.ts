/** The key or token that this page signs in with. It is kept only in memory, until the page is closed. */
import { signal } from "@preact/signals";

/** `undefined`: the page has not signed in. */
export const token = signal<string | undefined>(undefined);
/** Whether the server accepts keys and tokens, which it reports when it refuses a request. */
export const takesTokens = signal(false);
/** The server warned that the token expires soon. */
export const expiring = signal(false);
/** The number of sign-ins that need a new line. For a renewed token, an open line over frames or SSE stays. */
export const signIns = signal(0);

/** Returns the headers that carry the token. */
export function authorization(): Readonly<Record<string, string>> {
  const known = token.peek();
  return known === undefined ? {} : { Authorization: `Bearer ${known}` };
}

/** Asks the person to sign in again, and resolves with the new token. */
export function nextToken(): Promise<string> {
  const old = token.peek();
  expiring.value = true;
  return new Promise((resolve) => {
    const leave = token.subscribe((next) => {
      if (next === undefined || next === old) return;
      resolve(next);
      leave();
    });
  });
}
