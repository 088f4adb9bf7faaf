/** Names in a `.env` that are nearly those of settings: such a line would change nothing, and nobody would hear of it. */
import { settings } from "./settings.ts";

/** Shorter names, such as `API_KEY`, are too near to those of the graphs, which share the file. */
const SHORTEST = 8;

/** One line for each such name among those of a `.env`. */
export function misspelt(names: readonly string[]): string[] {
  const known = Object.keys(settings.shape);
  return names.flatMap((name) => {
    if (name.length < SHORTEST || known.includes(name)) return [];
    const meant = known.find((setting) => isOneSlip(name, setting));
    // If the setting is there too, the other name is meant as it is.
    return meant === undefined || names.includes(meant) ? [] : [`.env: ${name} is no setting. Did you mean ${meant}?`];
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
