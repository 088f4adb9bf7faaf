/** Secrets that the server makes, for tickets and shares. It keeps only their digests. */
import { createHash, randomBytes } from "node:crypto";

/** 256 random bits need no slow hash: nobody can guess them. */
export function newSecret(): string {
  return randomBytes(32).toString("base64url");
}

export function digest(secret: string): string {
  return createHash("sha256").update(secret).digest("base64url");
}
