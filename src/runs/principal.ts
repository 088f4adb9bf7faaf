/** The principal of a request: a person or a program that has signed in, or nobody. */
import { SluiceError } from "../protocol/errors.ts";
import type { JsonValue } from "../protocol/json.ts";
import { DEFAULT_SCOPES, type Scope } from "../protocol/scopes.ts";

export interface Principal {
  /**
   * Made of the sign-in method, the issuer and the id, so that two methods cannot give the same key. `undefined`:
   * anonymous.
   */
  readonly key: string | undefined;
  /** The id that the issuer gave the principal. */
  readonly id: string;
  readonly scopes: readonly Scope[];
  /** The facts that graphs may know of it. */
  readonly claims: Readonly<Record<string, JsonValue>>;
  /** When its credential expires, in milliseconds since the Unix epoch. */
  readonly expiresAt?: number | undefined;
  /** A reader by a share has its secret. It reads this thread alone, by the id that its owner gave it. */
  readonly share?: { readonly id: string; readonly threadId: string; readonly threadKey: string } | undefined;
}

/** The principal of every client that is not signed in, where sign-in is optional. */
export const ANONYMOUS: Principal = { key: undefined, id: "anonymous", scopes: DEFAULT_SCOPES, claims: {} };

/** No part of a key holds its separator unescaped, so no two principals have the same key. */
export function principalKey(method: string, issuer: string, id: string): string {
  return [method, issuer, id].map(encodeURIComponent).join(":");
}

/** @throws SluiceError `forbidden` when the principal lacks the scope. An admin has all of them. */
export function needScope({ scopes }: Principal, scope: Scope): void {
  if (scopes.includes(scope) || scopes.includes("admin")) return;
  throw new SluiceError("forbidden", `This needs the scope ${scope}.`);
}

/** @throws SluiceError `unauthorized` when the credential has expired since. */
export function needUnexpired({ expiresAt }: Principal, now = Date.now()): void {
  if (expiresAt !== undefined && expiresAt <= now) throw new SluiceError("unauthorized", "The sign-in has expired.");
}
