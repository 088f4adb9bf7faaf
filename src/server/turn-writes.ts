/**
 * The writes of one turn of the event loop. The first leaves at once, so a single run never waits. The others leave
 * together at the end of the turn: a write that follows another write costs less than half of a write that follows a
 * graph's work.
 */
import { atEndOfTurn } from "../runs/end-of-turn.ts";

/** A connection, and not a response: since Node 22 a corked response may send its end before the writes it holds. */
export interface Corkable {
  readonly writableCorked: number;
  cork(): void;
  uncork(): void;
}

/** The streams that hold what was written to them. `undefined`: nothing was written in this turn. */
let holding: Corkable[] | undefined;

/** To be called before a write. */
export function writeWithTurn(stream: Corkable): void {
  if (holding === undefined) {
    holding = [];
    atEndOfTurn(endTurn);
  } else if (stream.writableCorked === 0) {
    stream.cork();
    holding.push(stream);
  }
}

/** Runs write at the end of a turn too. One microtask later they have done so. */
function endTurn(): void {
  queueMicrotask(release);
}

function release(): void {
  const streams = holding ?? [];
  holding = undefined;
  for (const stream of streams) stream.uncork();
}
