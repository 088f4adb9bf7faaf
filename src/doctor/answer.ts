/** The answer among the messages that a client is sent, and the way in which its pieces came. */
import type { DeliveredMessage, Evidence, Piece } from "./evidence.ts";
import { counted, duration } from "./measures.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** An answer with fewer characters may come in one piece. */
export const SHORT = 40;
/**
 * A message that streamed counts as the answer, unless another is this many times longer: nodes repeat a model's text.
 */
const LONGER = 2;

export function charactersOf(pieces: readonly Piece[]): number {
  return pieces.reduce((sum, { characters }) => sum + characters, 0);
}

/** The longest message; one that came in pieces counts double. */
export function answerOf({ delivered }: Evidence): DeliveredMessage | undefined {
  const weight = ({ pieces }: DeliveredMessage) => charactersOf(pieces) * (pieces.length > 1 ? LONGER : 1);
  return delivered.messages.filter(({ pieces }) => pieces.length > 0).toSorted((a, b) => weight(b) - weight(a))[0];
}

export function firstTokenOf({ delivered }: Evidence): number | undefined {
  return delivered.tokens[0]?.at;
}

export function streams(answer: DeliveredMessage): Verdict {
  const { pieces } = answer;
  const first = pieces[0]?.at ?? 0;
  const span = (pieces.at(-1)?.at ?? first) - first;
  return verdict(
    "good",
    "streams",
    `Tokens stream: ${counted(pieces.length, "piece")} over ${duration(span)}, the first after ${duration(first)}.`,
    piecesOf(pieces),
  );
}

/** The figures about pieces that every verdict on them shows. */
export function piecesOf(pieces: readonly Piece[]): [string, string][] {
  const first = pieces[0]?.at ?? 0;
  const rows: [string, string][] = [
    ["the answer", `${charactersOf(pieces)} characters in ${counted(pieces.length, "piece")}`],
    ["first piece after", duration(first)],
  ];
  if (pieces.length > 1) rows.push(["from first to last", duration((pieces.at(-1)?.at ?? first) - first)]);
  return rows;
}
