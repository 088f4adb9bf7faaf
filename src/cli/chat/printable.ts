/** What a model, a tool or a server said, made fit for a terminal. */

/** The most characters of arguments, results and values that are shown. */
const MAX_CHARACTERS = 200;

/**
 * `text` without control characters, but for line breaks and tabs: nobody but this program moves the cursor, sets
 * colours or a title. Without its first character an escape sequence is harmless text.
 */
export function printable(text: string): string {
  return text.replace(/(?![\n\t])\p{Cc}/gu, "");
}

/** The beginning of `text`, in one line. */
export function oneLine(text: string): string {
  const line = printable(text.replace(/\s+/g, " ")).trim();
  const [beginning = ""] = new RegExp(`^.{0,${MAX_CHARACTERS}}`, "u").exec(line) ?? [];
  return beginning === line ? line : `${beginning}…`;
}
