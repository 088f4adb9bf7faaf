/** Judges whether an answer comes in portions: many pieces at once, with silence in between. */
import type { Piece } from "./evidence.ts";
import { counted, duration, median } from "./measures.ts";

/**
 * Pieces within this time, or within this share of the silences, came together: on a busy machine they spread a little.
 */
const TOGETHER = { ms: 5, share: 0.1 };
/** Fewer portions show no rhythm. */
const FEW = 3;
/** Several pieces at a time were collected, because models make pieces one by one. */
const COLLECTED = { pieces: 4, silenceMs: 500 };
/** Some providers send a sentence a piece. Longer pieces, further apart, are what a reader sees as jumps. */
const LONG = { characters: 120, silenceMs: 800 };

export interface Portions {
  readonly count: number;
  /** The median number of characters of a portion. */
  readonly characters: number;
  /** The median number of pieces of a portion. */
  readonly pieces: number;
  /** The median silence between two portions. */
  readonly silenceMs: number;
  /** A reader sees the answer come in jumps. */
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
  // The last portion is the rest of the answer, so it may be small.
  const full = groups.length > 1 ? groups.slice(0, -1) : groups;
  const characters = median(full.map((group) => group.characters));
  const together = median(full.map((group) => group.pieces));
  const quick = median(full.map(({ from, at }) => at - from)) <= Math.max(TOGETHER.ms, silenceMs * TOGETHER.share);
  const collected = quick && together >= COLLECTED.pieces && silenceMs >= COLLECTED.silenceMs;
  const long = characters >= LONG.characters && silenceMs >= LONG.silenceMs;
  const jumps = groups.length >= FEW && (collected || long);
  return { count: groups.length, characters, pieces: together, silenceMs, jumps };
}

/** The silence between `FEW` portions is at least this long. */
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
