/** API keys: `sluice_<public id>_<secret>`. The server keeps only a digest of the secret. */
import { createHash, randomBytes, timingSafeEqual } from "node:crypto";
import { SluiceError } from "../../protocol/errors.ts";
import type { Scope } from "../../protocol/scopes.ts";
import { type Principal, principalKey } from "../../runs/principal.ts";

/** A key as it is kept. */
export interface KnownKey {
  /** Finds the key, and is no secret. */
  readonly id: string;
  /** The principal that it signs in: several keys of one name are the same principal, so that keys can be exchanged. */
  readonly name: string;
  /** SHA-256 of the secret, in hexadecimal. */
  readonly sha256: string;
  readonly scopes: readonly Scope[];
}

const FORM = /^sluice_([\da-f]{16})_([\w-]{43})$/;

/** Makes a new key: the text for its holder, and the record for the server. */
export function makeApiKey(name: string, scopes: readonly Scope[]): { readonly key: string; readonly known: KnownKey } {
  const id = randomBytes(8).toString("hex");
  // 256 random bits need no slow hash: nobody can guess them.
  const secret = randomBytes(32).toString("base64url");
  return { key: `sluice_${id}_${secret}`, known: { id, name, sha256: digest(secret).toString("hex"), scopes } };
}

/** @throws SluiceError `unauthorized`, the same for an unknown key and a wrong secret. */
export function apiKeyVerifier(keys: readonly KnownKey[]): (token: string) => Promise<Principal> {
  const known = new Map(keys.map((key) => [key.id, { ...key, digest: Buffer.from(key.sha256, "hex") }]));
  const nobody = digest(randomBytes(32).toString("base64url"));
  return async (token) => {
    const [, id = "", secret = ""] = FORM.exec(token) ?? [];
    const key = known.get(id);
    const matches = timingSafeEqual(digest(secret), key?.digest ?? nobody);
    if (!key || !matches) throw new SluiceError("unauthorized", "This API key is not valid.");
    return { key: principalKey("api-key", "", key.name), id: key.name, scopes: key.scopes, claims: {} };
  };
}

function digest(secret: string): Buffer {
  return createHash("sha256").update(secret).digest();
}
