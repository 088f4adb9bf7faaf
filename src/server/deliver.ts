/** The way from the log to a peer: follow, view, format, send. One loop for every transport and format. */
import { follow } from "../log/follow.ts";
import type { EventLog, GapReason, LogEntry, Page } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { type AguiEvent, isTerminal, spanPosition } from "../protocol/events.ts";
import type { Topic } from "../protocol/ids.ts";
import type { Format } from "./formats/format.ts";
import type { Peer } from "./peer.ts";
import type { View } from "./view.ts";

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
  readonly after: Cursor | null;
  readonly view: View;
  readonly format: Format;
  readonly peer: Peer;
  readonly signal: AbortSignal;
  /** End with the terminal event of this run; without it the delivery goes on until `signal` aborts. */
  readonly untilEndOf?: string;
  /** Answers a gap. `undefined`: nothing stands in for what is lost; the reader is told nothing and reads on. */
  readonly catchUp: (reason: GapReason, begun: boolean) => Promise<CatchUp | undefined>;
}

/** Delivers until the run ends, `signal` aborts or the peer is gone. */
export async function deliver(delivery: Delivery): Promise<void> {
  const { log, topic, view, format, peer, signal, untilEndOf } = delivery;
  let from = delivery.after;
  let begun = false;
  for (;;) {
    let resumed: Cursor | undefined;
    for await (const page of follow(log, topic, from, signal)) {
      if (page.gap !== undefined) {
        const catchUp = await delivery.catchUp(page.gap, begun);
        if (!catchUp) continue;
        await peer.send(
          catchUpEntries(catchUp).flatMap(([entry, cursor]) => view.push(entry, cursor).flatMap(format.encode)),
        );
        begun = true;
        if (untilEndOf !== undefined && catchUp.events.some((event) => isTerminal(event.type))) return;
        resumed = catchUp.cursor;
        break;
      }
      begun = true;
      await peer.send(page.entries.flatMap((entry) => view.push(entry, at(page, entry)).flatMap(format.encode)));
      if (untilEndOf !== undefined && page.entries.some((entry) => ends(entry, untilEndOf))) return;
    }
    if (!resumed) return;
    from = resumed;
  }
}

function at({ epoch }: Page, { offset }: LogEntry): Cursor {
  return { epoch, offset };
}

function ends(entry: LogEntry, runId: string): boolean {
  if (entry.runId !== runId) return false;
  return entry.type === "GRAPH_END" || (entry.type !== "GRAPH" && isTerminal(entry.type));
}

/** Made-up events pass through the view like any other, so that it knows what is open. */
function catchUpEntries({ events, cursor }: CatchUp): [LogEntry, Cursor | undefined][] {
  return events.map((event, index) => [
    {
      json: JSON.stringify(event),
      type: event.type,
      runId: "",
      offset: cursor.offset,
      provenance: undefined,
      ...spanPosition(event),
    },
    // They have no position of their own; the last carries the one they bring a reader to.
    index === events.length - 1 ? cursor : undefined,
  ]);
}
