/** Sign-in by the app around Sluice: its `authorize` names the principal of a request. */
import type { IncomingMessage } from "node:http";
import { z } from "zod";
import { SluiceError } from "../../protocol/errors.ts";
import { DEFAULT_SCOPES, SCOPES } from "../../protocol/scopes.ts";
import { ANONYMOUS, type Principal, principalKey } from "../../runs/principal.ts";
import type { Authenticator } from "./authenticator.ts";

const identity = z.strictObject({
  id: z.string().min(1).max(1_024),
  scopes: z.array(z.enum(SCOPES)).default([...DEFAULT_SCOPES]),
  claims: z.record(z.string(), z.json()).default({}),
  /** Milliseconds since the Unix epoch. */
  expiresAt: z.number().positive().optional(),
});

/** `true` means the anonymous principal. Any answer that is not valid is a refusal. */
export function byApp(authorize: (request: IncomingMessage) => unknown): Authenticator {
  const ofRequest = async (request: IncomingMessage): Promise<Principal> => {
    const answer: unknown = await authorize(request);
    if (answer === true) return ANONYMOUS;
    const parsed = identity.safeParse(answer);
    if (!parsed.success) throw new SluiceError("unauthorized");
    return { ...parsed.data, key: principalKey("app", "", parsed.data.id) };
  };
  return {
    ofRequest,
    // The app gets the new token of an open socket in the `Authorization` header.
    ofToken: (token, request) => ofRequest(withToken(request, token)),
    later: false,
  };
}

function withToken(request: IncomingMessage, token: string): IncomingMessage {
  const headers = { ...request.headers, authorization: `Bearer ${token}` };
  return Object.create(request, { headers: { value: headers } }) as IncomingMessage;
}
