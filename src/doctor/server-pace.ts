/** Judges the pace in which a server's answer arrives. Pure. */
import { piecesOf, streams } from "./answer.ts";
import type { DeliveredMessage, Piece, ServerEvidence } from "./evidence.ts";
import { headerRows, heldBack, heldMs, madeSpan, suspects } from "./holder.ts";
import { duration, percentile } from "./measures.ts";
import { type Portions, portionRows, portionsOf } from "./portions.ts";
import { judgeSpread } from "./spread.ts";
import { type Verdict, verdict } from "./verdict.ts";

type Rows = [string, string][];

/** Pieces made over at least this long, by the server's clock, cannot have been one burst. */
const MADE_MS = 200;
/** Pieces made within this were made at once. */
const MADE_AT_ONCE_MS = 100;
/** An answer that arrived in less than this part of the time in which it was made was collected. */
const SQUEEZED = 0.4;
/**
 * From these figures on, events were held back: they took this long by the server's clock, and pieces that were made
 * one by one came together.
 */
const HELD = { ms: 250, pieces: 4, portions: 3, silenceMs: 200 };
/** If this share of the pieces has timestamps, and all took about the same time to arrive, no piece was held back. */
const UNHELD = { ms: 150, share: 0.5 };
/**
 * Gaps as even as this look like those of a timer. The longest and shortest gaps do not count. A short timer varies by
 * a millisecond or two, which is a larger share of its time.
 */
const EVEN = {
  pieces: 20,
  gaps: [0.1, 0.9],
  variation: 0.1,
  short: { variation: 0.25, ms: 2.5 },
  waitMs: 1_000,
} as const;
/**
 * After a wait this long, pieces of one length at even times were cut from a finished text: the tokens of a model
 * differ in length. On a busy machine a timer is late but never early, so the longer gaps do not count.
 */
const CUT = { waitMs: 700, share: 0.95, gaps: [0.2, 0.6] } as const;

export function judgeServerPace(answer: DeliveredMessage, server: ServerEvidence): Verdict[] {
  const { pieces } = answer;
  const rows: Rows = piecesOf(pieces);
  const made = madeSpan(answer, server);
  const spread = judgeSpread(pieces.map((piece) => ({ ...piece, span: answer.id })));
  const failed = spread.checks.filter(({ passed }) => !passed).map(({ name }) => name);
  if (made) {
    rows.push(
      ["the server's clock says", `made over ${duration(made.madeMs)}`],
      ["it arrived over", duration(made.arrivedMs)],
    );
    if (made.madeMs >= MADE_MS && made.arrivedMs < made.madeMs * SQUEEZED) {
      return [
        heldBack(
          ({ code, who, because }) =>
            `The server ${code === "server-buffers" ? "makes" : "sends"} the answer bit by bit, but ${who} collects it, and hands it over at once${because}.`,
          rows,
          server,
        ),
      ];
    }
  }
  if (failed.includes("not in one burst")) return [atOnce(rows, server, made?.madeMs)];
  const found = inPortions(pieces, rows, server) ?? played(pieces, rows);
  if (found?.kind === "fault") return [found];
  const notes = found ? [found] : [];
  if (failed.length > 0) {
    const sentence = `The pieces arrive in portions: ${spread.arrivals} times in all. A model may do that, and so may a proxy.`;
    notes.push(verdict("note", "all-at-once", sentence, [...rows, ...headerRows(server)]));
  }
  return [streams(answer), ...notes];
}

function atOnce(rows: Rows, server: ServerEvidence, madeMs: number | undefined): Verdict {
  if (madeMs !== undefined && madeMs <= MADE_AT_ONCE_MS) {
    const sentence =
      "This looks like fake streaming: by the server's own clock the whole answer was there at once, and was then cut into pieces.";
    return verdict("fault", "fake-streaming", sentence, [...rows, ...headerRows(server)]);
  }
  if (suspects(server).length > 0) {
    return heldBack(({ who, because }) => `It looks as if ${who} collects the answer${because}.`, rows, server);
  }
  const sentence =
    "The answer's pieces arrive all at once. The events say no time, so it is not known whether the server sent them so.";
  return verdict("fault", "all-at-once", sentence, [...rows, ...headerRows(server)]);
}

/** Judges an answer that comes in portions with silence in between, which a reader sees as jumps. */
function inPortions(pieces: readonly Piece[], before: Rows, server: ServerEvidence): Verdict | undefined {
  const portions = portionsOf(pieces);
  const held = heldMs(server);
  const shown: Rows = held === undefined ? [] : [["held back, by its clock", `for up to ${duration(held)}`]];
  const rows = [...before, ...portionRows(portions), ...shown];
  const collected = held !== undefined && held >= HELD.ms && areCollected(portions);
  if (collected || (portions.jumps && server.overWebSocketJumps === false)) {
    return heldBack(
      ({ who, because }) =>
        `The server makes the answer bit by bit, but ${who} collects it part by part, with ${duration(portions.silenceMs)} of silence in between${because}.`,
      rows,
      server,
    );
  }
  if (!portions.jumps) return undefined;
  const sentence = `The answer arrives in portions, with ${duration(portions.silenceMs)} of silence in between: ${whose(pieces, held, server)}`;
  return verdict("fault", "portions", sentence, [...rows, ...headerRows(server)]);
}

function areCollected({ count, pieces, silenceMs }: Portions): boolean {
  return count >= HELD.portions && pieces >= HELD.pieces && silenceMs >= HELD.silenceMs;
}

function whose(pieces: readonly Piece[], held: number | undefined, { arrivals, overWebSocketJumps }: ServerEvidence) {
  const stamps = arrivals.filter(({ made }) => made !== undefined).length;
  const itself = held !== undefined && held <= UNHELD.ms && stamps >= pieces.length * UNHELD.share;
  if (itself || overWebSocketJumps) return "the server itself, or its model, sends it so.";
  return "the server, its model or a proxy on the way collects it part by part.";
}

/** Judges whether a finished text is played: its pieces come at the pace of a timer. */
function played(pieces: readonly Piece[], rows: Rows): Verdict | undefined {
  const [first] = pieces;
  if (!first) return undefined;
  const variesBy = (variation: number): Rows => [["gaps vary by", `${Math.round(variation * 100)}%`]];
  // The last piece may be shorter than the others.
  const alike = pieces.filter(({ characters }) => characters === first.characters).length;
  const isCut = first.at >= CUT.waitMs && alike >= pieces.length * CUT.share;
  const variation = evenness(pieces, (isCut ? CUT : EVEN).gaps);
  if (variation === undefined) return undefined;
  if (isCut) {
    const sentence =
      "This looks like fake streaming: after a long wait the pieces come as evenly as a timer's, and all of one length, so a finished text was cut up.";
    const cut: Rows = [["of one length", `${alike} of ${pieces.length} pieces, of ${first.characters} each`]];
    return verdict("fault", "fake-streaming", sentence, [...rows, ...cut, ...variesBy(variation)]);
  }
  if (first.at < EVEN.waitMs) return undefined;
  const sentence =
    "The pieces come as evenly as a timer's, after a long wait. This looks like a finished text that is played, but a machine may be that even too.";
  return verdict("note", "evenly-paced", sentence, [...variesBy(variation), ...rows]);
}

/** The spread of the gaps between two of their quantiles, if the gaps are suspiciously even. */
function evenness(pieces: readonly Piece[], [from, to]: readonly [number, number]): number | undefined {
  const gaps = pieces.slice(1).map(({ at }, index) => at - (pieces[index]?.at ?? at));
  if (pieces.length < EVEN.pieces) return undefined;
  const middle = percentile(gaps, 0.5);
  const range = percentile(gaps, to) - percentile(gaps, from);
  const { variation, short } = EVEN;
  const most = Math.max(middle * variation, Math.min(middle * short.variation, short.ms));
  return middle > 1 && range <= most ? range / middle : undefined;
}
