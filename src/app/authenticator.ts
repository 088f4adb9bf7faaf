/** The sign-in that the settings name. */
import { jwtSettings } from "../config/auth.ts";
import { ConfigError } from "../config/config-error.ts";
import type { ApiKey } from "../config/keys.ts";
import type { Settings } from "../config/settings.ts";
import type { Logger } from "../ops/logger.ts";
import { apiKeyVerifier } from "../server/auth/api-keys.ts";
import type { Authenticator } from "../server/auth/authenticator.ts";
import { byToken, NOBODY } from "../server/auth/tokens.ts";

/** @throws ConfigError when nobody could sign in. */
export function authenticatorOf(
  settings: Settings,
  { keys = [], logger }: { readonly keys?: readonly ApiKey[] | undefined; readonly logger: Logger },
): Authenticator {
  if (settings.AUTH === "none") {
    if (keys.length > 0)
      logger.warn(
        { keys: keys.length },
        "There are API keys, and AUTH=none lets everybody in without one. Set AUTH=api-key.",
      );
    return NOBODY;
  }
  if (settings.AUTH === "jwt") {
    const failed = (err: unknown) => logger.error({ err }, "the keys of JWT_JWKS_URL could not be read");
    const options = { ...jwtSettings(settings), failed };
    // Loaded where it is needed: a server without JSON Web Tokens starts faster.
    const verifier = import("../server/auth/jwt.ts").then(({ jwtVerifier }) => jwtVerifier(options));
    return byToken(async (token) => (await verifier)(token));
  }
  const known = [...keys, ...settings.API_KEYS];
  if (known.length === 0) {
    throw new ConfigError("AUTH=api-key needs a key: make one with sluice key new NAME, or set API_KEYS.");
  }
  const twice = known.find(({ id }, index) => known.findIndex((key) => key.id === id) < index);
  if (twice)
    throw new ConfigError(`The API key ${twice.id} (${twice.name}) is there twice: in keys.json and API_KEYS.`);
  return byToken(apiKeyVerifier(known));
}
