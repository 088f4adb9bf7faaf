/** Settings of servers that require sign-in, and their credentials. */
import { SignJWT } from "jose";
import { formatApiKey } from "../../src/config/keys.ts";
import { DEFAULT_SCOPES, type Scope } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";

const SECRET = "s".repeat(32);

/** The settings of a server that accepts JSON Web Tokens. */
export const JWT = {
  AUTH: "jwt",
  JWT_SECRET: SECRET,
  JWT_ISSUER: "issuer",
  JWT_AUDIENCE: "sluice",
  JWT_CLOCK_SKEW_SECONDS: "0",
};

/**
 * Makes a token for such a server, or an invalid one. `expires`: a duration such as `5m`, or seconds since the Unix
 * epoch.
 */
export function token(
  claims: Record<string, unknown> = {},
  expires: number | string = "5m",
  secret = SECRET,
): Promise<string> {
  const { sub = "ann", iss = "issuer", aud = "sluice", ...rest } = claims;
  return new SignJWT(rest)
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(String(sub))
    .setIssuer(String(iss))
    .setAudience(String(aud))
    .setExpirationTime(expires)
    .sign(new TextEncoder().encode(secret));
}

export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1_000) + seconds;
}

/** Makes an API key, and the settings of a server that accepts it. */
export function oneKey(name: string, scopes: readonly Scope[] = DEFAULT_SCOPES) {
  const { key, known } = makeApiKey(name, scopes);
  return { key, env: { AUTH: "api-key", API_KEYS: formatApiKey({ ...known, scopes: [...known.scopes] }) } };
}
