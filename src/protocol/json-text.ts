/** Reads JSON that clients send. */

/**
 * The value of a JSON text. An integer that a JavaScript number cannot hold becomes a string of its digits: it is kept
 * exactly, where `JSON.parse` would round it.
 * @throws SyntaxError when `text` is not JSON.
 */
export function parseJson(text: string): unknown {
  return JSON.parse(LONG_NUMBER.test(text) ? withQuotedIntegers(text) : text);
}

/** Fewer digits always fit. */
const LONG_NUMBER = /\d{16}/;
const NUMBER = /-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/y;

function withQuotedIntegers(text: string): string {
  let out = "";
  let copied = 0;
  for (let at = 0; at < text.length; ) {
    const code = text.charCodeAt(at);
    if (code === QUOTE) {
      at = endOfString(text, at);
      continue;
    }
    if (code !== MINUS && !(code >= ZERO && code <= NINE)) {
      at += 1;
      continue;
    }
    NUMBER.lastIndex = at;
    const [number] = NUMBER.exec(text) ?? [text.charAt(at)];
    if (number.length >= 16 && INTEGER.test(number) && !Number.isSafeInteger(Number(number))) {
      out += `${text.slice(copied, at)}"${number}"`;
      copied = at + number.length;
    }
    at += number.length;
  }
  return out + text.slice(copied);
}

/** The index after the string that begins here. */
function endOfString(text: string, start: number): number {
  for (let at = text.indexOf('"', start + 1); at >= 0; at = text.indexOf('"', at + 1)) {
    let backslashes = 0;
    while (text.charCodeAt(at - 1 - backslashes) === BACKSLASH) backslashes += 1;
    if (backslashes % 2 === 0) return at + 1;
  }
  return text.length;
}

/** Does a parsed JSON value contain at most `most` values, including itself? Counting stops when there are more. */
export function hasAtMost(most: number, value: unknown): boolean {
  let count = 1;
  let nests = [value].filter(isNest);
  while (nests.length > 0) {
    const inside: object[] = [];
    for (const nest of nests) {
      const values: unknown[] = Array.isArray(nest) ? nest : Object.values(nest);
      count += values.length;
      if (count > most) return false;
      for (const part of values) if (isNest(part)) inside.push(part);
    }
    nests = inside;
  }
  return count <= most;
}

function isNest(value: unknown): value is object {
  return typeof value === "object" && value !== null;
}

/** JSON with the keys of every object in order: the same for equal values, however they were written. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_, part: unknown) => (isNest(part) && !Array.isArray(part) ? inOrder(part) : part));
}

/**
 * The text of `canonicalJson` in parts, with the values of the first `depth` levels apart: no text as long as all of
 * them is made.
 */
export function* canonicalParts(value: unknown, depth: number): Generator<string> {
  if (depth === 0 || !isNest(value)) {
    yield canonicalJson(value) ?? "null";
    return;
  }
  const isList = Array.isArray(value);
  let before = isList ? "[" : "{";
  for (const [key, part] of Object.entries<unknown>(isList ? value : inOrder(value))) {
    if (!isList && part === undefined) continue;
    yield isList ? before : `${before}${JSON.stringify(key)}:`;
    yield* canonicalParts(part, depth - 1);
    before = ",";
  }
  if (before !== ",") yield before;
  yield isList ? "]" : "}";
}

function inOrder(nest: object): Record<string, unknown> {
  return Object.fromEntries(Object.entries(nest).sort(([a], [b]) => (a < b ? -1 : 1)));
}

const INTEGER = /^-?\d+$/;
const [QUOTE, MINUS, BACKSLASH, ZERO, NINE] = [0x22, 0x2d, 0x5c, 0x30, 0x39];
