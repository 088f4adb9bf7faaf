/** Settings of the sign-in that make sense only together. */
import { ConfigError } from "./config-error.ts";
import type { Settings } from "./settings.ts";

const SYMMETRIC = /^HS(256|384|512)$/;
const PUBLIC = /^(RS|PS|ES)(256|384|512)$|^EdDSA$/;

/** The way to verify tokens with `AUTH=jwt`. */
export interface JwtSettings {
  readonly jwksUrl: string | undefined;
  readonly secret: string | undefined;
  readonly publicKey: string | undefined;
  readonly issuer: string;
  readonly audience: string;
  readonly algorithms: readonly string[];
  readonly clockSkewSeconds: number;
  readonly claims: readonly string[];
}

/** @throws ConfigError when the sign-in could not work, or could be bypassed. */
export function checkAuth(settings: Settings, shown: (name: string) => string): void {
  if (settings.AUTH === "jwt") jwtSettings(settings, shown);
}

export function jwtSettings(settings: Settings, shown: (name: string) => string = (name) => name): JwtSettings {
  const { JWT_JWKS_URL, JWT_SECRET, JWT_PUBLIC_KEY, JWT_ISSUER, JWT_AUDIENCE } = settings;
  const { JWT_CLOCK_SKEW_SECONDS, JWT_CLAIMS } = settings;
  const sources = [JWT_JWKS_URL, JWT_SECRET, JWT_PUBLIC_KEY].filter((source) => source !== undefined);
  if (sources.length !== 1) {
    const names = ["JWT_JWKS_URL", "JWT_SECRET", "JWT_PUBLIC_KEY"].map(shown).join(", ");
    throw new ConfigError(`${shown("AUTH")}=jwt needs exactly one of ${names}.`);
  }
  if (JWT_ISSUER === undefined || JWT_AUDIENCE === undefined) {
    throw new ConfigError(`${shown("AUTH")}=jwt needs ${shown("JWT_ISSUER")} and ${shown("JWT_AUDIENCE")}.`);
  }
  const algorithms = settings.JWT_ALGORITHMS.length > 0 ? settings.JWT_ALGORITHMS : [JWT_SECRET ? "HS256" : "RS256"];
  // If a public key were used as a shared secret, everybody could sign tokens.
  const valid = JWT_SECRET ? SYMMETRIC : PUBLIC;
  const wrong = algorithms.find((algorithm) => !valid.test(algorithm));
  if (wrong !== undefined) {
    const kind = JWT_SECRET
      ? "HS256, HS384 and HS512 go with a secret"
      : "RS256, PS256, ES256, EdDSA and the like go with public keys";
    throw new ConfigError(`${shown("JWT_ALGORITHMS")}: ${JSON.stringify(wrong)} is not valid; ${kind}.`);
  }
  return {
    jwksUrl: JWT_JWKS_URL,
    secret: JWT_SECRET,
    publicKey: JWT_PUBLIC_KEY?.replaceAll("\\n", "\n"),
    issuer: JWT_ISSUER,
    audience: JWT_AUDIENCE,
    algorithms,
    clockSkewSeconds: JWT_CLOCK_SKEW_SECONDS,
    claims: JWT_CLAIMS,
  };
}
