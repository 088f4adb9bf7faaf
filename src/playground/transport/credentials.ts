/** The key or token that this page signs in with. It lives in memory alone, and is gone with the page. */
import { signal } from "@preact/signals";

/** `undefined`: the page has not signed in. */
export const token = signal<string | undefined>(undefined);
/** The server takes keys and tokens: it says so when it refuses a request. */
export const takesTokens = signal(false);
/** The server warned that the token expires soon. */
export const expiring = signal(false);
/** The number of sign-ins that need a line of their own: an open line of frames takes a new token as it is. */
export const signIns = signal(0);

/** The header of a request that shows the token. */
export function authorization(): Readonly<Record<string, string>> {
  const known = token.peek();
  return known === undefined ? {} : { Authorization: `Bearer ${known}` };
}

/** Resolves with the token that replaces the one that expires. */
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
