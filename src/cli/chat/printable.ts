/** Makes text from a model, a tool or a server fit for a terminal. */

/**
 * `text` without control characters, but for line breaks and tabs: nobody but this program moves the cursor, sets
 * colours or a title. Without its first character an escape sequence is harmless text.
 */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, "");
}

/** `text` in one line, of which at most so many characters are shown. */
export function oneLine(text: string, maxCharacters = 200): string {
  const line = printable(text.replace(/\s+/g, " ")).trim();
  // Not half a character: of a pair both halves are shown, or none.
  return line.length <= maxCharacters ? line : `${line.slice(0, maxCharacters).replace(/[\ud800-\udbff]$/, "")}…`;
}
