/** The way from the log to a peer: follow, view, merge, format, send. One loop for every transport and format. */
import { follow } from "../log/follow.ts";
import type { EventLog, GapReason, LogEntry } from "../log/log.ts";
import { type Cursor, isAt } from "../protocol/cursor.ts";
import { type AguiEvent, isTerminal, spanPosition } from "../protocol/events.ts";
import type { Topic } from "../protocol/ids.ts";
import type { Format } from "./formats/format.ts";
import { mergeAdjacent } from "./merge.ts";
import type { Peer } from "./peer.ts";
import type { Outgoing, View } from "./view.ts";

/** A page with more entries than this says that the reader is behind: it is brought up to date with fewer, larger frames. */
const BEHIND = 64;

/** The most characters of JSON that are made into frames at once: a page counts entries, and a few may be megabytes. */
const BATCH = 64 * 1024;

/** What brings a reader up to date that has missed entries for good. */
export interface CatchUp {
  /** A legal beginning: what stands in for all that came before `cursor`. */
  readonly events: readonly AguiEvent[];
  /** Read on from here. */
  readonly cursor: Cursor;
}

export interface Delivery {
  readonly log: EventLog;
  readonly topic: Topic;
  /** Deliver what lies after this. */
  readonly after: Cursor;
  /** Sent first; the reading then goes on from its cursor instead of `after`. */
  readonly first?: CatchUp | undefined;
  /** Where the run that `after` lies in began. A narrowed view has to know what is open there. */
  readonly since?: Cursor | undefined;
  readonly view: View;
  readonly format: Format;
  readonly peer: Peer;
  readonly signal: AbortSignal;
  /** End with the terminal event of this run; without it the delivery goes on until `signal` aborts. */
  readonly untilEndOf?: string;
  /** Deliver that run's entries only: where another run begins, it is over. */
  readonly alone?: boolean;
  /** End here at the latest: the log's head, when the run is over already. */
  readonly until?: Cursor | undefined;
  /** Answers a gap. `undefined`: nothing stands in for what is lost, and the reader reads on. */
  readonly catchUp: (reason: GapReason, begun: boolean) => Promise<CatchUp | undefined>;
}

/** Delivers until the run ends, `signal` aborts or the peer is gone. */
export async function deliver(delivery: Delivery): Promise<void> {
  const { log, topic, view, format, peer, signal, untilEndOf, until } = delivery;
  await showWhatCameBefore(delivery);
  let from: Cursor | undefined = delivery.after;
  let begun = false;
  const bringUpToDate = async (catchUp: CatchUp) => {
    if (signal.aborted) return undefined;
    await peer.send(viewed(catchUp, view).flatMap((out) => format.encode(out)));
    begun = true;
    const over = untilEndOf !== undefined && catchUp.events.some((event) => isTerminal(event.type));
    return over ? undefined : catchUp.cursor;
  };
  if (delivery.first) from = await bringUpToDate(delivery.first);
  else if (!(await log.mayBegin(topic, from))) {
    const catchUp = await delivery.catchUp("corrected", begun);
    from = catchUp ? await bringUpToDate(catchUp) : await log.open(topic);
  }
  while (from && !isAt(from, until)) {
    let resumed: Cursor | undefined;
    for await (const { gap, epoch, entries, next } of follow(log, topic, from, signal)) {
      if (gap !== undefined) {
        const catchUp = await delivery.catchUp(gap, begun);
        if (!catchUp) continue;
        resumed = await bringUpToDate(catchUp);
        break;
      }
      begun = true;
      const { wanted, over } = upToTheEnd(entries, epoch, delivery);
      for (const batch of batches(wanted)) {
        // Who has unsubscribed and follows anew must not get what still waited here between what is told now.
        if (signal.aborted) return;
        const outgoing = batch.flatMap((entry) => view.push(entry, { epoch, offset: entry.offset }));
        const frames = wanted.length > BEHIND ? mergeAdjacent(outgoing) : outgoing;
        await peer.send(frames.flatMap((out) => format.encode(out)));
      }
      if (over || isAt(next, until)) return;
    }
    from = resumed;
  }
}

/** The entries that are asked for, and whether they are the last. */
function upToTheEnd(read: readonly LogEntry[], epoch: string, { untilEndOf, alone, until }: Delivery) {
  const last = until?.epoch === epoch ? until.offset : Number.POSITIVE_INFINITY;
  const entries = read.filter(({ offset }) => offset <= last);
  if (entries.length < read.length) return { wanted: entries, over: true };
  if (untilEndOf === undefined) return { wanted: entries, over: false };
  const other = alone ? entries.findIndex((entry) => entry.runId !== untilEndOf) : -1;
  const own = other < 0 ? entries : entries.slice(0, other);
  const end = own.findIndex((entry) => ends(entry, untilEndOf));
  return { wanted: end < 0 ? own : own.slice(0, end + 1), over: other >= 0 || end >= 0 };
}

function* batches(entries: readonly LogEntry[]): Generator<LogEntry[]> {
  let batch: LogEntry[] = [];
  let size = 0;
  for (const entry of entries) {
    batch.push(entry);
    size += entry.json.length;
    if (size < BATCH) continue;
    yield batch;
    batch = [];
    size = 0;
  }
  if (batch.length > 0) yield batch;
}

/** What a view narrows is decided where a span opens; what opened before `after` is shown to it, and to it alone. */
async function showWhatCameBefore({ log, topic, view, since, after }: Delivery): Promise<void> {
  if (!view.narrows || since?.epoch !== after.epoch) return;
  for (let cursor = since; cursor.offset < after.offset; ) {
    const { gap, entries, next } = await log.read(topic, cursor, after.offset - cursor.offset);
    if (gap !== undefined || entries.length === 0) return;
    for (const entry of entries) view.push(entry, undefined);
    cursor = next;
  }
}

function ends(entry: LogEntry, runId: string): boolean {
  if (entry.runId !== runId) return false;
  return entry.type === "GRAPH_END" || (entry.type !== "GRAPH" && isTerminal(entry.type));
}

/** Made-up events pass through the view like any other, so that it knows what is open. */
function viewed({ events, cursor }: CatchUp, view: View): Outgoing[] {
  const { offset } = cursor;
  const shown = events.flatMap((event) => {
    const entry = { json: JSON.stringify(event), type: event.type, runId: "", offset, provenance: undefined };
    return view.push({ ...entry, ...spanPosition(event) }, undefined);
  });
  // They have no position of their own; the last that is shown carries the one they bring a reader to.
  return shown.map((out, index) => (index === shown.length - 1 ? { ...out, cursor } : out));
}
