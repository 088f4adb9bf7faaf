/** The option `--header` of commands that ask a server. */
import { UsageError } from "./command.ts";

/** The headers by their names. */
export function headersOf(texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(texts.map(header));
}

/** The value may be a secret: a mistake is named without it. */
function header(text: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(`--header: it takes a name and a value, like "Authorization: Bearer ...".`);
  }
  return [name.toLowerCase(), value];
}
