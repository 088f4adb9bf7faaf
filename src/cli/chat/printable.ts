/** Makes text from a model, a tool or a server fit for a terminal. */

/**
 * `text` without control characters, but for line breaks and tabs: only this program may move the cursor, or set
 * colours or a title. Without its first character an escape sequence is harmless text.
 */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, "");
}

/** `text` in one line, of which at most so many characters are shown. */
export function oneLine(text: string, maxCharacters = 200): string {
  const line = printable(text.replace(/\s+/g, " ")).trim();
  // A surrogate pair must not be cut in half.
  return line.length <= maxCharacters ? line : `${line.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "")}…`;
}
