/**
 * Judges whether pieces of text come as they are made, or a finished text was cut up. A slow model and a faked one may
 * look the same from afar. The bytes from the network distinguish them. A real answer is still arriving while it is
 * sent. A fake answer was complete before its first piece, and timers or nothing at all trigger the rest.
 */
import { MOST_WITHOUT_TURN_MS } from "../graph/run-notes.ts";
import { piecesOf } from "./answer.ts";
import type { Exchange, GraphEvidence, Piece, Stall } from "./evidence.ts";
import { counted, duration } from "./measures.ts";
import { portionRows, portionsOf } from "./portions.ts";
import { type Verdict, verdict } from "./verdict.ts";

/** Fewer pieces show no pace. */
const MANY = 5;
/** If timers trigger this share of the pieces, it is no accident. */
const MOSTLY = 0.7;
/** Pieces within this time, or in this few turns of the event loop, are one burst. */
const BURST = { ms: 50, turns: 2 };
/** Bytes that arrive over at least this long could have been sent as they came. */
const SPREAD_MS = 150;
/** A wait in which a model could have begun. */
const WAIT_MS = 300;
/** Events this close together happen within one turn of the event loop. */
const SAME_MS = 5;
/** A graph reports its steps a little after they began. */
const SLACK_MS = 20;
/** The amount of synchronous work in the middle of an answer that a reader notices. */
const HELD = { ms: 500, share: 0.3 };
/**
 * If a process used less than this share of the CPU while it stood still, its machine was busy, and its code is not the
 * cause.
 */
const BUSY = 0.3;
const STREAMED = /event-?stream|ndjson|jsonl|octet-stream/i;
/** A body that arrives in this many reads is a stream, even if it has another type. */
const MANY_READS = 4;

/** The source of pieces: a model call or a node, and the time when it began. */
export interface Origin {
  readonly node: string;
  readonly startedAt: number;
  /** For a person: `the model in node "chat"`. */
  readonly who: string;
}

/** Does the time `at` lie within a step? */
export function beganIn(
  at: number,
  step: { readonly startedAt: number; readonly endedAt?: number | undefined },
): boolean {
  return at >= step.startedAt - SLACK_MS && at <= (step.endedAt ?? at);
}

/** The fault in the pace of `pieces`; `undefined` when there is none. */
export function judgePace(pieces: readonly Piece[], origin: Origin, graph: GraphEvidence): Verdict | undefined {
  const [first] = pieces;
  const last = pieces.at(-1);
  if (!first || !last) return undefined;
  if (pieces.length < MANY) return inPortions(pieces, origin);
  // A burst itself holds the event loop, so only the time before it counts.
  const waited = first.at - origin.startedAt;
  const stalled = stalledMs(graph, origin.startedAt, first.at);
  const turns = new Set(pieces.map(({ turn }) => turn)).size;
  // Reading a run gives other tasks a turn of the event loop now and then, so a long burst may take a few more turns.
  const burst = last.at - first.at <= BURST.ms || turns <= BURST.turns + (last.at - first.at) / MOST_WITHOUT_TURN_MS;
  if (burst && stalled > waited / 2 && stalled > WAIT_MS) {
    return verdict("fault", "event-loop-blocked", "Synchronous work held this process, and every token with it.", [
      ...piecesOf(pieces),
      ["event loop stood still", `${duration(stalled)} of ${duration(waited)}`],
      ...blockerRows(graph, origin.startedAt, first.at),
    ]);
  }
  const held = stalledMs(graph, first.at, last.at);
  if (!burst && held >= Math.max(HELD.ms, (last.at - first.at) * HELD.share)) {
    const sentence = "Synchronous work held this process in the middle of the answer, and every token with it.";
    return verdict("fault", "event-loop-blocked", sentence, [
      ...piecesOf(pieces),
      ["event loop stood still", `${duration(held)} of ${duration(last.at - first.at)}`],
      ...blockerRows(graph, first.at, last.at),
    ]);
  }
  const portions = inPortions(pieces, origin);
  if (portions) return portions;
  const exchanges = exchangesOf(graph, origin, first.at);
  // Bytes still arrive, so the text is not finished.
  if (exchanges.some(({ reads }) => reads.some((at) => at > first.at + SAME_MS))) return undefined;
  const finished = exchanges.filter(({ endedAt = Number.POSITIVE_INFINITY }) => endedAt <= first.at + SAME_MS).at(-1);
  const timed = pieces.slice(1).filter(({ trigger }) => trigger === "timer").length / (pieces.length - 1);
  if (!burst && timed >= MOSTLY) return paced(pieces, origin, graph, finished, timed);
  return burst && finished ? burstOf(pieces, origin, finished) : undefined;
}

function inPortions(pieces: readonly Piece[], { who }: Origin): Verdict | undefined {
  const portions = portionsOf(pieces);
  if (!portions.jumps) return undefined;
  const sentence = `The answer of ${who} comes in portions, with ${duration(portions.silenceMs)} of silence between them: its endpoint, or what is in front of it, collects part by part.`;
  return verdict("fault", "portions", sentence, [...piecesOf(pieces), ...portionRows(portions)]);
}

function blockerRows({ helpers }: GraphEvidence, from: number, to: number): [string, string][] {
  const blocker = helpers.find(({ blocks, at }) => blocks && at >= from && at <= to);
  return blocker ? [["it waited for", `a ${blocker.kind}, started at ${blocker.place ?? "an unknown line"}`]] : [];
}

function paced(
  pieces: readonly Piece[],
  { who, node, startedAt }: Origin,
  graph: GraphEvidence,
  finished: Exchange | undefined,
  timed: number,
): Verdict | undefined {
  const first = pieces[0]?.at ?? 0;
  const timers: [string, string] = ["set off by a timer", `${Math.round(timed * 100)}% of the pieces after the first`];
  if (finished) {
    const sentence = `Fake streaming: ${who} had its whole answer before the first piece, and then sent it in small pieces with pauses.`;
    return verdict("fault", "fake-streaming", sentence, [
      ...piecesOf(pieces),
      ...exchangeRows(finished),
      ["bytes after the first piece", "none"],
      timers,
    ]);
  }
  const helper = graph.helpers.find((one) => one.node === node && beganIn(one.at, { startedAt, endedAt: first }));
  if (helper) {
    const sentence = `This looks like fake streaming: ${who} waited for a ${helper.kind}, and then sent the text in small pieces with pauses.`;
    return verdict("fault", "fake-streaming", sentence, [
      ...piecesOf(pieces),
      [`a ${helper.kind} was started after`, duration(helper.at)],
      timers,
    ]);
  }
  const sentence = `Tokens arrive one by one, but ${who} sent no request for them: this looks like a stand-in that plays a text with pauses.`;
  return verdict("note", "simulated-model", sentence, [["bytes from the network", "none"], timers]);
}

function burstOf(pieces: readonly Piece[], { who }: Origin, finished: Exchange): Verdict | undefined {
  const first = pieces[0]?.at ?? 0;
  const { startedAt } = finished;
  const arrivedMs = arrivedOver(finished);
  const rows = [...piecesOf(pieces), ...exchangeRows(finished)];
  if (!isStream(finished)) {
    const sentence = `Fake streaming: ${who} got its answer in one piece, and sent it as many in one burst.`;
    return verdict("fault", "fake-streaming", sentence, rows);
  }
  if (arrivedMs >= SPREAD_MS) {
    const sentence = `Fake streaming: the answer arrived as a stream, and ${who} held it back to its end, then sent it in one burst.`;
    return verdict("fault", "fake-streaming", sentence, rows);
  }
  if (first - startedAt < WAIT_MS) return undefined; // All of it was that quick.
  const sentence = `The answer came from the model's endpoint as a stream, but all at once: something in front of ${who} collects it.`;
  return verdict("fault", "model-endpoint-buffers", sentence, rows);
}

/** The origin's requests before its first piece. */
function exchangesOf(graph: GraphEvidence, { node, startedAt }: Origin, before: number): Exchange[] {
  return graph.exchanges.filter(
    (exchange) =>
      (exchange.node === undefined || exchange.node === node || exchange.node.startsWith(`${node}/`)) &&
      beganIn(exchange.startedAt, { startedAt, endedAt: before }),
  );
}

/** Is the answer a stream, by its type or by the way it arrived? */
export function isStream(exchange: Exchange): boolean {
  const { contentType = "", reads } = exchange;
  return STREAMED.test(contentType) || (reads.length > MANY_READS && arrivedOver(exchange) >= SPREAD_MS);
}

/** The time over which the bytes of an answer kept coming. The first of them are its headers. */
export function arrivedOver({ reads }: Exchange): number {
  return (reads.at(-1) ?? 0) - (reads[1] ?? reads[0] ?? 0);
}

export function exchangeRows(exchange: Exchange): [string, string][] {
  const { what, startedAt, endedAt, status, contentType = "", reads } = exchange;
  const arrived = reads.length > 1 ? `, over ${duration(arrivedOver(exchange))}` : "";
  return [
    ["request", what],
    ["sent after", duration(startedAt)],
    ["answered with", `${status ?? "nothing"} ${contentType}`.trim()],
    exchange.cut
      ? ["given up after", duration(endedAt ?? 0)]
      : ["complete after", endedAt === undefined ? "never" : duration(endedAt)],
    ["bytes came in", `${counted(reads.length, "read")}${arrived}`],
  ];
}

/** The time that synchronous work held the event loop between two times. */
export function stalledMs({ stalls, helpers }: GraphEvidence, from: number, to: number): number {
  const waits = ({ at, ms }: Stall) => helpers.some((one) => one.blocks && one.at >= at - SAME_MS && one.at <= at + ms);
  return stalls
    .filter((stall) => stall.busyMs >= stall.ms * BUSY || waits(stall))
    .filter(({ at, ms }) => at + ms > from && at < to)
    .reduce((sum, { at, ms }) => sum + Math.min(at + ms, to) - Math.max(at, from), 0);
}
