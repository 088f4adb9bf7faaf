/** Reads options that several commands share. */
import { UsageError } from "./command.ts";

/** The headers by their names. */
export function headersOf(texts: readonly string[] = []): Record<string, string> {
  return Object.fromEntries(texts.map(header));
}

/** The value may be a secret, so the error does not repeat it. */
function header(text: string): [string, string] {
  const [, name, value] = /^([!#$%&'*+.^`|~\w-]+):[ \t]*([\t\x20-\x7e\x80-\xff]*)$/.exec(text) ?? [];
  if (name === undefined || value === undefined) {
    throw new UsageError(`--header: it takes a name and a value, like "Authorization: Bearer ...".`);
  }
  return [name.toLowerCase(), value];
}

/** A number of seconds, at most a day, as milliseconds. */
export function secondsIn(option: string, text: string | undefined, fallback: number): number {
  const value = text === undefined ? fallback : Number(text);
  if (value > 0 && value <= 86_400) return value * 1_000;
  throw new UsageError(`${option} ${text}: it takes a number of seconds above 0.`);
}

/** `undefined` where the option is not given. */
export function jsonIn(option: string, text: string | undefined): unknown {
  try {
    return text === undefined ? undefined : JSON.parse(text);
  } catch {
    throw new UsageError(`${option}: it takes JSON, like '{"topic":"rivers"}'.`);
  }
}
