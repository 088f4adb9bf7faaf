/** Does an answer come in portions: much at once, and silence in between? */
import type { Piece } from "./evidence.ts";
import { counted, duration, median } from "./measures.ts";

/** Pieces within this time came together. So do pieces within a small part of the silences: machines are busy. */
const TOGETHER = { ms: 5, share: 0.1 };
/** Fewer portions have no rhythm. */
const FEW = 3;
/** Several pieces at a time were collected, for one by one is how they were made. */
const COLLECTED = { pieces: 4, silenceMs: 500 };
/** Some providers send a sentence a piece. Longer pieces, further apart, are what a reader sees as jumps. */
const LONG = { characters: 120, silenceMs: 800 };

export interface Portions {
  readonly count: number;
  /** Characters of the middle one. */
  readonly characters: number;
  /** Pieces of the middle one. */
  readonly pieces: number;
  /** Silence between two, in the middle. */
  readonly silenceMs: number;
  /** A reader sees it come in jumps. */
  readonly jumps: boolean;
}

export function portionsOf(pieces: readonly Piece[]): Portions {
  const within = Math.max(TOGETHER.ms, silenceOf(pieces) * TOGETHER.share);
  const groups: { from: number; at: number; pieces: number; characters: number }[] = [];
  for (const { at, characters } of pieces) {
    const group = groups.at(-1);
    if (group && at - group.at <= within) {
      group.at = at;
      group.pieces += 1;
      group.characters += characters;
    } else groups.push({ from: at, at, pieces: 1, characters });
  }
  const silenceMs = median(groups.slice(1).map(({ from }, index) => from - (groups[index]?.at ?? from)));
  // The last portion is what is left.
  const full = groups.length > 1 ? groups.slice(0, -1) : groups;
  const characters = median(full.map((group) => group.characters));
  const together = median(full.map((group) => group.pieces));
  const quick = median(full.map(({ from, at }) => at - from)) <= Math.max(TOGETHER.ms, silenceMs * TOGETHER.share);
  const collected = quick && together >= COLLECTED.pieces && silenceMs >= COLLECTED.silenceMs;
  const long = characters >= LONG.characters && silenceMs >= LONG.silenceMs;
  const jumps = groups.length >= FEW && (collected || long);
  return { count: groups.length, characters, pieces: together, silenceMs, jumps };
}

/** As many portions as have a rhythm have silences at least as long as this in between. */
function silenceOf(pieces: readonly Piece[]): number {
  const gaps = pieces.slice(1).map(({ at }, index) => at - (pieces[index]?.at ?? at));
  return gaps.sort((one, other) => other - one)[FEW - 2] ?? 0;
}

export function portionRows({ count, characters, silenceMs }: Portions): [string, string][] {
  return [
    ["portions", `${count}, of about ${counted(characters, "character")}`],
    ["silence between two", duration(silenceMs)],
  ];
}
