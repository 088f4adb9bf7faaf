/** Recognizes secrets by the names of their variables and fields. */
import { isRecord } from "../protocol/input.ts";
import { hideSecrets } from "../protocol/secrets.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/** `OPENAI_API_KEY`, `HF_TOKEN`, `PGPASSWORD`, `AWS_SECRET_ACCESS_KEY`, `apiKey`; not `PWD`, which is a folder. */
const SECRET_NAME =
  /(^|_)(KEYS?|TOKENS?|PASS|PAT|JWT|COOKIE|CREDENTIALS?|DSN)(_|$)|(KEY|TOKEN|AUTH)(_?\d+)?$|SECRET|PASSW(OR)?D|PASSPHRASE|APIKEY|BEARER|AUTHORIZATION/;

/** Does a variable or a field of this name hold a secret? */
export function isSecretName(name: string): boolean {
  const words = name.replace(/([a-z\d])([A-Z])/g, "$1_$2").replace(/[-.]/g, "_");
  return SECRET_NAME.test(words.toUpperCase());
}

/** The values in `env` that are secrets: by their name, and the credentials in URLs. */
export function secretsOfEnvironment(env: Environment): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value ? secretsOfValue(name, value) : []));
}

/** Finds the secrets in plain JSON in the same way. */
export function secretsOfFields(value: unknown, name = ""): string[] {
  if (typeof value === "string") return secretsOfValue(name, value);
  if (Array.isArray(value)) return value.flatMap((item) => secretsOfFields(item, name));
  return isRecord(value) ? Object.entries(value).flatMap(([key, inner]) => secretsOfFields(inner, key)) : [];
}

/** Removes the secrets of this process's environment from errors and logs. */
export function hideEnvironment(env: Environment = process.env): void {
  hideSecrets(ENVIRONMENT, () => secretsOfEnvironment(env));
}

const ENVIRONMENT = {};

/** Removes the secrets that agents' entries pass to their graphs, until `forgetSecrets(owner)`. */
export function hideFields(owner: object, entries: Iterable<ToGraph>): void {
  const secrets = [...entries].flatMap(({ configurable, context }) => secretsOfFields([configurable, context]));
  hideSecrets(owner, () => secrets);
}

interface ToGraph {
  readonly configurable: Readonly<Record<string, unknown>>;
  readonly context: Readonly<Record<string, unknown>>;
}

function secretsOfValue(name: string, value: string): string[] {
  const text = value.trim();
  // Several keys in one variable are several secrets.
  const named = isSecretName(name) ? [text, ...text.split(/[\s,;]+/)] : [];
  return [...named, ...secretsOfUrl(text)];
}

const SECRET_PARAMETER = /key|token|secret|passw|sig|auth|code/i;

/** Finds passwords in `scheme://user:password@host`, encoded and decoded, and secrets in the query. */
function secretsOfUrl(value: string): string[] {
  if (!value.includes("://")) return [];
  const [, written = ""] = /:\/\/[^/?#\s]*?:([^\s]*)@/.exec(value) ?? [];
  if (!URL.canParse(value)) return [written];
  const { username, password, searchParams } = new URL(value);
  const asked = [...searchParams].filter(([name]) => SECRET_PARAMETER.test(name)).map(([, secret]) => secret);
  // A token may come as the user: `https://<token>@host`.
  const own = password || username;
  return [written, own, decoded(own), ...asked];
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
