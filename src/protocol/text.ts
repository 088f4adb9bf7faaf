/** Measuring and cutting text that is about to become JSON or to leave the process. */

/**
 * The bytes of UTF-8 that `text` takes as a JSON string, quotes included. Counting stops soon after `enough` bytes: a
 * caller that only wants to know whether a text fits need not pay for a huge one.
 */
export function jsonBytes(text: string, enough = Number.POSITIVE_INFINITY): number {
  let bytes = 2;
  for (let i = 0; i < text.length && bytes <= enough; i++) {
    const unit = text.charCodeAt(i);
    // Nearly all characters are letters and digits. They lie between the quote and the backslash, or above the
    // backslash.
    bytes += (unit > 0x22 && unit < 0x5c) || (unit > 0x5c && unit < 0x80) ? 1 : bytesAt(text, i);
  }
  return bytes;
}

/**
 * The longest beginning of `text` that takes at most `room` bytes inside a JSON string, and a mark that says how many
 * bytes of UTF-8 are missing: `"abc…[truncated 12 bytes]"`. The mark (at most 38 bytes) comes on top of `room`.
 */
export function cutText(text: string, room: number): string {
  let end = 0;
  let bytes = 0;
  while (end < text.length) {
    bytes += bytesAt(text, end);
    if (bytes > room) break;
    end++;
  }
  if (isPairAt(text, end - 1)) end--;
  const kept = text.slice(0, end);
  return `${kept}…[truncated ${Buffer.byteLength(text) - Buffer.byteLength(kept)} bytes]`;
}

/** `text` as far as it fits into `maxBytes` of a JSON string, by default 256 KiB, with a mark where it is cut. */
export function bounded(text: string, maxBytes = 262_144): string {
  return jsonBytes(text, maxBytes) <= maxBytes ? text : cutText(text, maxBytes);
}

/** `text` in pieces that have at most `maxBytes` in a JSON string each, and whole characters. */
export function splitText(text: string, maxBytes: number): string[] {
  const pieces: string[] = [];
  let from = 0;
  let bytes = QUOTES;
  for (let at = 0; at < text.length; at++) {
    const more = bytesAt(text, at);
    if (bytes + more > maxBytes && at > from) {
      const to = isPairAt(text, at - 1) ? at - 1 : at;
      pieces.push(text.slice(from, to));
      from = to;
      bytes = QUOTES + (to < at ? bytesAt(text, to) : 0);
    }
    bytes += more;
  }
  return [...pieces, text.slice(from)];
}

/** The bytes of a JSON string's quotes. */
const QUOTES = 2;

/** The bytes that the UTF-16 unit at `i` adds to a JSON string in UTF-8. */
function bytesAt(text: string, i: number): number {
  const unit = text.charCodeAt(i);
  if (unit < 0x20) return "\b\t\n\f\r".includes(text.charAt(i)) ? 2 : 6;
  if (unit < 0x80) return unit === 0x22 || unit === 0x5c ? 2 : 1;
  if (unit < 0x800) return 2;
  if (unit < 0xd800 || unit > 0xdfff) return 3;
  return isPairAt(text, i) || isPairAt(text, i - 1) ? 2 : 6; // half of a pair of four bytes, or a lone one: \ud800
}

function isPairAt(text: string, i: number): boolean {
  const high = text.charCodeAt(i);
  const low = text.charCodeAt(i + 1);
  return high >= 0xd800 && high <= 0xdbff && low >= 0xdc00 && low <= 0xdfff;
}

/**
 * An error's text without its stack. LangChain's tracers write `message\n\nName: message\n at ..`; the stack frames and
 * the repeated message are removed. Text without a stack comes back as it is.
 */
export function withoutStack(text: string): string {
  const frames = text.search(/(?:^|\n)[ \t]+at (?:.*[(:/\\]|<anonymous>)/);
  const head = frames < 0 ? text : text.slice(0, frames);
  // head is `message\n\nName: message`: the blank line stands in the middle, but for the name (200 characters suffice).
  const middle = (head.length - 2) / 2;
  for (let i = Math.max(0, Math.ceil(middle - 100)); i <= middle; i++) {
    if (!head.startsWith("\n\n", i)) continue;
    const message = head.slice(0, i);
    if (head.endsWith(message)) return message || head.slice(2);
  }
  return head;
}

/**
 * `value`, which is plain JSON, without lone halves of characters. Some programs cut texts in the middle of a
 * character, and a reader that is not JavaScript may refuse the rest. A half becomes U+FFFD. A value without lone
 * halves is returned unchanged.
 */
export function wellFormed<T>(value: T): T {
  // `JSON.stringify` escapes only lone halves in this way.
  if (!/\\ud[89a-f]/.test(JSON.stringify(value))) return value;
  return JSON.parse(JSON.stringify(value), (_, part: unknown) =>
    typeof part === "string" ? part.toWellFormed() : part,
  ) as T;
}

/** The most characters of a client's text that an error repeats. */
const MOST_SHOWN = 200;

/** Text that a client sent, short enough to be repeated in an error. */
export function shown(text: string): string {
  return text.length <= MOST_SHOWN ? text : `${text.slice(0, MOST_SHOWN).toWellFormed()}…`;
}
