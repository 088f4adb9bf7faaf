/** Tokens in headers: API keys and JWTs travel the same way. */
import type { IncomingHttpHeaders } from "node:http";
import { SluiceError } from "../../protocol/errors.ts";
import { ANONYMOUS, type Principal } from "../../runs/principal.ts";
import type { Authenticator } from "./authenticator.ts";

export const NOBODY: Authenticator = {
  ofRequest: async () => ANONYMOUS,
  ofToken: async () => ANONYMOUS,
  later: false,
};

/** Finds the principal by the token in `Authorization: Bearer` or in `X-API-Key`. */
export function byToken(verify: (token: string) => Promise<Principal>): Authenticator {
  return {
    async ofRequest({ headers }) {
      const token = tokenIn(headers);
      if (token === undefined) throw new SluiceError("unauthorized", NO_TOKEN);
      return verify(token);
    },
    ofToken: verify,
    later: true,
  };
}

const NO_TOKEN = "Sign in: send the header Authorization: Bearer, with an API key or a token.";

export function tokenIn({ authorization, "x-api-key": key }: IncomingHttpHeaders): string | undefined {
  const bearer = /^bearer +(\S+) *$/i.exec(authorization ?? "")?.[1];
  return bearer ?? (typeof key === "string" && key !== "" ? key : undefined);
}
