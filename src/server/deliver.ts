/** The way from the log to a peer: follow, view, merge, format, send. One loop for every transport and format. */
import type { Counts } from "../counts/counts.ts";
import { follow } from "../log/follow.ts";
import type { EventLog, GapReason, LogEntry, Page } from "../log/log.ts";
import { type Cursor, isAt } from "../protocol/cursor.ts";
import { type AguiEvent, isTerminal, spanPosition } from "../protocol/events.ts";
import type { Topic } from "../protocol/ids.ts";
import type { Format } from "./formats/format.ts";
import { mergeAdjacent } from "./merge.ts";
import { type Peer, READY } from "./peer.ts";
import type { Outgoing, View } from "./view.ts";

/** If a page has more entries than this, the reader lags, and gets fewer, larger frames. */
const BEHIND = 64;

/**
 * The most characters of JSON that are made into frames at once: a page is limited by entries, and a few entries may be
 * megabytes.
 */
const BATCH = 64 * 1024;

/** Brings a reader up to date after it has missed entries that are lost. */
export interface CatchUp {
  /** A valid beginning, which replaces all events before `cursor`. */
  readonly events: readonly AguiEvent[];
  /** Read on from here. */
  readonly cursor: Cursor;
}

/** The beginning of a delivery. */
export interface Beginning {
  /** Deliver the entries after this position. */
  readonly after: Cursor;
  /**
   * The beginning of the run that `after` lies in, when it is known. A narrowed view has to know which spans are open
   * there.
   */
  readonly since: Cursor | undefined;
  /** Sent first: events that replace everything before `after`. */
  readonly first: CatchUp | undefined;
}

/** The end of a delivery: the terminal event of a run. */
export interface Ending {
  readonly runId: string;
  /** Deliver that run's entries only: the delivery ends where another run begins. */
  readonly alone: boolean;
  /** End here at the latest: the log's head, when the run is over already. */
  readonly until: Cursor | undefined;
}

/** `Subscription` makes these. */
export interface Delivery {
  readonly log: EventLog;
  readonly counts: Pick<Counts, "gaps" | "replays">;
  readonly topic: Topic;
  readonly beginning: Beginning;
  /** `undefined`: the delivery goes on until `signal` aborts. */
  readonly ending: Ending | undefined;
  readonly view: View;
  readonly format: Format;
  readonly peer: Peer;
  readonly signal: AbortSignal;
  /** Answers a gap. `undefined`: nothing replaces the lost entries, and the reader reads on. */
  readonly catchUp: (reason: GapReason, begun: boolean) => Promise<CatchUp | undefined>;
}

/** Delivers until the run ends, `signal` aborts or the peer is gone. */
export async function deliver(delivery: Delivery): Promise<void> {
  const { log, topic, view, format, peer, signal, counts, beginning, ending, catchUp } = delivery;
  const until = ending?.until;
  await showWhatCameBefore(delivery);
  let begun = false;
  const bringUpToDate = async ({ events, cursor }: CatchUp): Promise<Cursor | undefined> => {
    if (signal.aborted) return undefined;
    await peer.send(viewed({ events, cursor }, view).flatMap((out) => format.encode(out)));
    begun = true;
    const over = ending !== undefined && events.some((event) => isTerminal(event.type));
    return over || isAt(cursor, until) ? undefined : cursor;
  };
  const push = (batch: readonly LogEntry[], epoch: string, behind: boolean): Promise<void> => {
    begun = true;
    const outgoing: Outgoing[] = [];
    for (const entry of batch) outgoing.push(...view.push(entry, { epoch, offset: entry.offset }));
    const frames: string[] = [];
    for (const out of behind && !format.apart ? mergeAdjacent(outgoing) : outgoing) frames.push(...format.encode(out));
    return peer.send(frames);
  };
  // At the head an append goes to the peer directly, unless the peer is behind or there is much to send.
  let taken = READY;
  const take = ({ entries, epoch, next }: Page): boolean => {
    if (taken !== READY || entries.length > BEHIND || isAt(next, until)) return false;
    const { wanted, over } = upToTheEnd(entries, epoch, ending);
    if (over || sizeOf(wanted) > BATCH) return false;
    taken = push(wanted, epoch, false);
    return true;
  };
  const read = async ({ gap, epoch, entries, next }: Page): Promise<Cursor | undefined> => {
    await taken;
    taken = READY;
    if (gap !== undefined) {
      counts.gaps.count(gap);
      const missed = await catchUp(gap, begun);
      return missed ? bringUpToDate(missed) : next;
    }
    const { wanted, over } = upToTheEnd(entries, epoch, ending);
    for (const batch of batches(wanted)) {
      // A client may have unsubscribed and subscribed again. Entries that still wait here must not be mixed with those
      // of the new subscription.
      if (signal.aborted) return undefined;
      await push(batch, epoch, wanted.length > BEHIND);
    }
    return over || isAt(next, until) ? undefined : next;
  };
  let from: Cursor | undefined = beginning.after;
  if (beginning.first) from = await bringUpToDate(beginning.first);
  else if (!(await log.mayBegin(topic, from))) {
    counts.gaps.count("corrected");
    const missed = await catchUp("corrected", begun);
    from = missed ? await bringUpToDate(missed) : await log.open(topic);
  }
  const head = from && (await log.head(topic));
  if (from && head?.epoch === from.epoch && head.offset > from.offset) counts.replays.add(head.offset - from.offset);
  // Not awaited here, so that the memory of the first events, perhaps of a long thread, is freed.
  if (from && !isAt(from, until)) return follow(log, topic, from, signal, read, take);
}

/** The entries that are asked for, and whether they are the last. */
function upToTheEnd(read: readonly LogEntry[], epoch: string, ending: Ending | undefined) {
  if (ending === undefined) return { wanted: read, over: false };
  const { runId, alone, until } = ending;
  const last = until?.epoch === epoch ? until.offset : Number.POSITIVE_INFINITY;
  const entries = read.filter(({ offset }) => offset <= last);
  if (entries.length < read.length) return { wanted: entries, over: true };
  const other = alone ? entries.findIndex((entry) => entry.runId !== runId) : -1;
  const own = other < 0 ? entries : entries.slice(0, other);
  const end = own.findIndex((entry) => ends(entry, runId));
  return { wanted: end < 0 ? own : own.slice(0, end + 1), over: other >= 0 || end >= 0 };
}

function sizeOf(entries: readonly LogEntry[]): number {
  return entries.reduce((sum, { json }) => sum + json.length, 0);
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

/**
 * A view decides about a span where it opens, and a format may build on earlier frames. So the entries before `after`
 * are shown to both, and not to the client.
 */
async function showWhatCameBefore({ log, topic, view, format, beginning }: Delivery): Promise<void> {
  const { since, after } = beginning;
  if ((!view.narrows && !format.remember) || since?.epoch !== after.epoch) return;
  for (let cursor = since; cursor.offset < after.offset; ) {
    const { gap, entries, next } = await log.read(topic, cursor, after.offset - cursor.offset);
    if (gap !== undefined || entries.length === 0) return;
    for (const entry of entries) {
      for (const out of view.push(entry, undefined)) format.remember?.(out);
    }
    cursor = next;
  }
}

function ends(entry: LogEntry, runId: string): boolean {
  if (entry.runId !== runId) return false;
  return entry.type === "GRAPH_END" || (entry.type !== "GRAPH" && isTerminal(entry.type));
}

/** Made-up events pass through the view like all others, so that the view knows which spans are open. */
function viewed({ events, cursor }: CatchUp, view: View): Outgoing[] {
  const { offset } = cursor;
  const shown = events.flatMap((event) => {
    const entry = { json: JSON.stringify(event), type: event.type, runId: "", offset, provenance: undefined };
    return view.push({ ...entry, ...spanPosition(event) }, undefined);
  });
  // They have no position of their own; the last one that is shown gets `cursor`.
  return shown.map((out, index) => (index === shown.length - 1 ? { ...out, cursor } : out));
}
