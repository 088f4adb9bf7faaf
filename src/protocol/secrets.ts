/**
 * Removes the values of secrets from errors and logs: a key without a known prefix can be recognized only by its value.
 * Model text, state and results are never changed.
 */

/** Shorter values may be ordinary words: some users set a key to `EMPTY` or `ollama`. */
const MIN_LENGTH = 12;

type Source = () => Iterable<string>;

const sources = new Map<object, Source>();

/**
 * Removes the values of `source` from all later errors and logs. `source` is read each time, because a graph's file may
 * set variables when it is loaded. A second call with the same `owner` replaces its source.
 */
export function hideSecrets(owner: object, source: Source): void {
  sources.set(owner, source);
}

/** Removes the source of this `owner`. */
export function forgetSecrets(owner: object): void {
  sources.delete(owner);
}

/** Returns `text` without the values of secrets, and without credentials after `Basic` or `Bearer`. */
export function withoutSecrets(text: string): string {
  let clean = text;
  for (const written of spellings()) if (clean.includes(written)) clean = clean.replaceAll(written, "<key>");
  return clean.replace(AUTHORIZATION, (whole, scheme: string, credentials: string) =>
    isWord(credentials) ? whole : `${scheme}<token>`,
  );
}

/** The same for all text in plain JSON. */
export function withoutSecretsIn(value: unknown): unknown {
  if (typeof value === "string") return withoutSecrets(value);
  if (Array.isArray(value)) return value.map(withoutSecretsIn);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutSecretsIn(inner)]));
}

const AUTHORIZATION = /\b((?:Basic|Bearer)(?:\s{1,9}|%20|\+))([^\s"'`<>,;\\]{4,})/gi;

/** Is this an ordinary word, as in "Basic authentication failed"? */
function isWord(text: string): boolean {
  return /^([A-Z]?[a-z]+|[A-Z]+)[.:!?)]*$/.test(text) && !Buffer.from(text, "base64").includes(":");
}

/** The forms in which each secret may be written, the longest first: one may be a part of another. */
function spellings(): readonly string[] {
  const values = new Set([...sources.values()].flatMap((source) => [...source()]));
  const long = [...values].filter((value) => value.length >= MIN_LENGTH);
  const key = long.join("\0");
  if (known.key !== key) {
    const all = new Set(long.flatMap(spellingsOf));
    known = { key, spellings: [...all].sort((a, b) => b.length - a.length) };
  }
  return known.spellings;
}

let known: { readonly key: string; readonly spellings: readonly string[] } = { key: "", spellings: [] };

function spellingsOf(value: string): string[] {
  const encoded = encoding(value);
  const json = escaped(value);
  // An endpoint's JSON becomes a string in the log's JSON, which escapes it again.
  return [value, encoded, encoded.replaceAll("%20", "+"), lowercased(encoded), json, escaped(json), ...inBase64(value)];
}

/** Lone halves of surrogates cannot be in a URL. */
function encoding(value: string): string {
  return encodeURIComponent(value.toWellFormed());
}

function lowercased(encoded: string): string {
  return encoded.replace(/%[\dA-F]{2}/g, (byte) => byte.toLowerCase());
}

function escaped(value: string): string {
  return JSON.stringify(value).slice(1, -1);
}

/**
 * Returns the forms in base64: alone, and inside a longer text such as `user:password`, where the form depends on the
 * position in a group of three bytes. Characters at its ends that also encode neighbouring bytes are not included.
 */
function inBase64(value: string): string[] {
  const bytes = Buffer.from(value);
  const parts = [0, 1, 2].map((before) => {
    const text = Buffer.concat([Buffer.alloc(before), bytes])
      .toString("base64")
      .replace(/=+$/, "");
    const whole = (before + bytes.length) % 3 === 0;
    return text.slice(before === 0 ? 0 : before + 1, whole ? undefined : -1);
  });
  const all = [bytes.toString("base64"), ...parts];
  return all.flatMap((text) => [text, text.replaceAll("+", "-").replaceAll("/", "_")]);
}
