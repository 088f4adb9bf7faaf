/** Names in a `.env` that are nearly those of settings: such a line would change nothing, and nobody would hear of it. */
import { settings } from "./settings.ts";

/** Shorter names are too near to each other, and to those of other programs. */
const SHORTEST = 6;

/** One line for each such name among those of a `.env`. */
export function misspelt(names: readonly string[]): string[] {
  const known = Object.keys(settings.shape);
  return names.flatMap((name) => {
    if (name.length < SHORTEST || known.includes(name)) return [];
    const meant = known.find((setting) => isOneSlip(name, setting));
    return meant === undefined ? [] : [`.env: ${name} is no setting. Did you mean ${meant}?`];
  });
}

/** Is one letter missing, wrong or too many, or are two neighbours exchanged? */
function isOneSlip(one: string, other: string): boolean {
  const shorter = Math.min(one.length, other.length);
  let start = 0;
  while (start < shorter && one[start] === other[start]) start += 1;
  let end = 0;
  while (end < shorter - start && one.at(-1 - end) === other.at(-1 - end)) end += 1;
  const [left, right] = [one.slice(start, one.length - end), other.slice(start, other.length - end)];
  return Math.max(left.length, right.length) === 1 || (left.length === 2 && left === [...right].reverse().join(""));
}
