/** JSON Web Tokens, verified by jose. */
import { createSecretKey } from "node:crypto";
import { createRemoteJWKSet, errors, importSPKI, type JWTPayload, type JWTVerifyGetKey, jwtVerify } from "jose";
import { SluiceError } from "../../protocol/errors.ts";
import type { JsonValue } from "../../protocol/json.ts";
import { DEFAULT_SCOPES, type Scope, scopesIn } from "../../protocol/scopes.ts";
import { type Principal, principalKey } from "../../runs/principal.ts";

/** One of the three sources of keys, and what a token must hold. */
export interface JwtOptions {
  readonly jwksUrl?: string | undefined;
  readonly secret?: string | undefined;
  readonly publicKey?: string | undefined;
  readonly issuer: string;
  readonly audience: string;
  /** No other algorithm is accepted. */
  readonly algorithms: readonly string[];
  readonly clockSkewSeconds: number;
  /** Names of the claims that graphs may know. */
  readonly claims: readonly string[];
  /** Called with errors of reading the keys. */
  readonly failed: (error: unknown) => void;
}

/** The returned function throws SluiceError `unauthorized`, or `storage_unavailable` while the keys cannot be read. */
export function jwtVerifier(options: JwtOptions): (token: string) => Promise<Principal> {
  const { issuer, audience, algorithms, clockSkewSeconds, claims, failed } = options;
  const key = keyOf(options);
  return async (token) => {
    try {
      const { payload } = await jwtVerify(token, await key(), {
        issuer,
        audience,
        algorithms: [...algorithms],
        clockTolerance: clockSkewSeconds,
        requiredClaims: ["sub", "exp"],
      });
      return principalOf(payload, claims, clockSkewSeconds);
    } catch (error) {
      if (SluiceError.is(error)) throw error;
      if (error instanceof errors.JWTExpired) throw new SluiceError("unauthorized", "The sign-in has expired.");
      if (isUnreachable(error)) {
        failed(error);
        throw new SluiceError("storage_unavailable", "Sign-ins cannot be checked at the moment.");
      }
      // Details would help only attackers who try tokens.
      throw new SluiceError("unauthorized", "This token is not valid.");
    }
  };
}

function keyOf({ jwksUrl, secret, publicKey, algorithms }: JwtOptions): () => Promise<JWTVerifyGetKey> {
  if (jwksUrl !== undefined) {
    const keys = createRemoteJWKSet(new URL(jwksUrl), { timeoutDuration: 5_000, cooldownDuration: 30_000 });
    return async () => keys;
  }
  const single =
    secret === undefined ? importSPKI(publicKey ?? "", algorithms[0] ?? "") : createSecretKey(secret, "utf8");
  return async () => {
    const key = await single;
    return async () => key;
  };
}

/** Is the keys' address at fault, and not the token? */
function isUnreachable(error: unknown): boolean {
  return (
    !(error instanceof errors.JOSEError) || error instanceof errors.JWKSTimeout || error.code === "ERR_JOSE_GENERIC"
  );
}

function principalOf(payload: JWTPayload, allowed: readonly string[], skew: number): Principal {
  const { sub = "", iss = "", exp = 0 } = payload;
  if (sub === "") throw new SluiceError("unauthorized", "This token names nobody.");
  const claims = Object.fromEntries(
    allowed.filter((name) => Object.hasOwn(payload, name)).map((name) => [name, payload[name] as JsonValue]),
  );
  const expiresAt = (exp + skew) * 1_000;
  return { key: principalKey("jwt", iss, sub), id: sub, scopes: scopesOf(payload), claims, expiresAt };
}

/**
 * Scopes are named `sluice:run` and so on, in `scope` (one string) or `scopes`. A token without scopes of Sluice gets
 * the default scopes.
 */
function scopesOf({ scope, scopes = scope }: JWTPayload & { scope?: unknown; scopes?: unknown }): readonly Scope[] {
  const names = typeof scopes === "string" ? scopes.split(" ") : Array.isArray(scopes) ? scopes.map(String) : [];
  const ours = names.filter((name) => name.startsWith("sluice:")).map((name) => name.slice("sluice:".length));
  return ours.length === 0 ? DEFAULT_SCOPES : scopesIn(ours);
}
