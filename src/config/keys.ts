/** API keys as they are kept: digests of secrets, in `keys.json` beside agents.json, or in `API_KEYS`. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { z } from "zod";
import { messageOf } from "../protocol/redact.ts";
import { DEFAULT_SCOPES, SCOPES } from "../protocol/scopes.ts";
import { ConfigError } from "./config-error.ts";

const name = z.string().regex(/^[^\s:,]{1,64}$/, "a name is 1 to 64 characters without blanks, colons and commas");
const apiKey = z.strictObject({
  id: z.string().regex(/^[\da-f]{16}$/, "an id is 16 hexadecimal digits"),
  name,
  sha256: z.string().regex(/^[\da-f]{64}$/, "a digest is 64 hexadecimal digits"),
  scopes: z.array(z.enum(SCOPES)).default([...DEFAULT_SCOPES]),
});

const keysFile = z.strictObject({ keys: z.array(apiKey) });

export type ApiKey = z.infer<typeof apiKey>;

/** A key in `API_KEYS`: `name:id:sha256`, then its scopes joined by `+` where they are not the default ones. */
export function formatApiKey({ id, name, sha256, scopes }: ApiKey): string {
  return [name, id, sha256, scopes.join("+")].join(":");
}

/** @throws Error with one line. */
export function parseApiKey(text: string): ApiKey {
  const [name, id, sha256, scopes, ...rest] = text.split(":");
  const parsed = apiKey.safeParse({ name, id, sha256, ...(scopes ? { scopes: scopes.split("+") } : {}) });
  if (parsed.success && rest.length === 0) return parsed.data;
  throw new Error("keys like name:id:sha256, as `sluice key new NAME --env` prints them, comma separated");
}

/** @throws ConfigError when `value` is no name of a key. */
export function checkKeyName(value: string): string {
  const parsed = name.safeParse(value);
  if (parsed.success) return parsed.data;
  throw new ConfigError(`${JSON.stringify(value)}: ${parsed.error.issues[0]?.message}.`);
}

/** @throws ConfigError that names what is wrong. A file that is not there holds no keys. */
export function readKeys(file: string): ApiKey[] {
  if (!existsSync(file)) return [];
  let value: unknown;
  try {
    value = JSON.parse(readFileSync(file, "utf8"));
  } catch (error) {
    throw new ConfigError(`${file}: ${messageOf(error)}`, { cause: error });
  }
  const parsed = keysFile.safeParse(value);
  if (parsed.success) return parsed.data.keys;
  const { path = [], message } = parsed.error.issues[0] ?? {};
  throw new ConfigError(`${file}, ${path.join(".")}: ${message}.`);
}

/** Adds a key to a file, which only its owner can read. */
export function addKey(file: string, key: ApiKey): void {
  const keys = [...readKeys(file), key];
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, `${JSON.stringify({ keys }, null, 2)}\n`, { mode: 0o600 });
}
