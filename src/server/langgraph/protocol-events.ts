/** The events of LangGraph's Agent Streaming Protocol: those that a client wants of a thread, in their order. */
import { z } from "zod";
import { type Cursor, formatCursor } from "../../protocol/cursor.ts";
import type { AguiEvent } from "../../protocol/events.ts";
import { parseWith } from "../../protocol/input.ts";
import type { VisitedThread } from "../../runs/visited-thread.ts";
import type { Visitor } from "../../runs/visitor.ts";
import type { Format } from "../formats/format.ts";
import type { Outgoing } from "../view.ts";
import { type ProtocolEvent, ProtocolProjection } from "./protocol-projection.ts";

export const wantedEvents = z.object({
  channels: z.array(z.string()).min(1),
  namespaces: z.array(z.array(z.string())).optional(),
  depth: z.number().int().min(0).optional(),
  since: z.number().int().min(0).optional(),
});

/** The events that a client wants. */
export type Wanted = z.infer<typeof wantedEvents>;

/** @throws SluiceError `bad_request` */
export function parseWanted(value: unknown, where: string): Wanted {
  return parseWith(wantedEvents, value, where);
}

/** The most events that one entry of the log becomes. */
const ROOM = 1_000;

/** The parts that a transport decides: which events it sends, and how it writes one. */
export interface Sending {
  readonly isWanted: (event: ProtocolEvent, position: EventPosition | undefined) => boolean;
  readonly write: (json: string, id: string | undefined) => string;
}

/** An event's number on its thread, and the entry of the log that it was made of. */
export interface EventPosition {
  readonly seq: number;
  readonly entry: Cursor;
}

/** Returns the position after all events that are made from this entry and earlier ones. */
export function throughEntry(entry: Cursor): EventPosition {
  return { seq: (entry.offset + 1) * ROOM - 1, entry };
}

/** The parts that a subscription to a thread's events needs. */
export interface ThreadEvents {
  readonly thread: VisitedThread;
  readonly from: Cursor;
  readonly format: Format;
}

/**
 * Returns a thread's events from the start of the active or last run. A client may send a command before it listens,
 * and recognizes repeated events by their ids. With `reached`, a client that has the events up to there misses none,
 * even if another run has begun.
 */
export async function eventsOf(
  visitor: Visitor,
  threadId: string,
  sending: Sending,
  reached?: Cursor,
): Promise<ThreadEvents> {
  visitor.need("watch");
  const thread = await visitor.thread(threadId, true);
  const runs = await thread.runs();
  const run = runs.find(({ from }) => !reached || !isBefore(reached, from)) ?? runs.at(0);
  const from = run?.from ?? (await visitor.log.open(thread.topic()));
  return { thread, from, format: protocolFormat(await projectionOf(thread, run), sending) };
}

/** Positions of two epochs are not compared. */
export function isBefore(a: Cursor, b: Cursor): boolean {
  return a.epoch === b.epoch && a.offset < b.offset;
}

async function projectionOf(
  thread: VisitedThread,
  run: { readonly runId: string; readonly agent: string } | undefined,
): Promise<ProtocolProjection> {
  const { threadId } = thread;
  const history = run ? await thread.before(run.runId) : [];
  return new ProtocolProjection({ threadId, agent: run?.agent ?? "agent" }, history);
}

/** One event a frame. Ids of events are made from their entry's position, so they are always the same for everybody. */
function protocolFormat(projection: ProtocolProjection, { isWanted, write }: Sending): Format {
  return {
    graph: false,
    apart: true,
    encode({ json, node, cursor }: Outgoing) {
      const event = JSON.parse(json) as AguiEvent;
      return projection.push(event, node).flatMap((made, index) => {
        const { method, namespace, data } = made;
        const position = cursor && { seq: cursor.offset * ROOM + index, entry: cursor };
        if (!isWanted(made, position)) return [];
        const seq = position?.seq;
        const id = cursor && `${formatCursor(cursor)}.${index}`;
        const from = made.node === undefined ? {} : { node: made.node };
        const params = { namespace, timestamp: event.timestamp ?? 0, ...from, data };
        return [write(JSON.stringify({ type: "event", seq, event_id: id, method, params }), id)];
      });
    },
  };
}

/** Is it among the events that a client wants? */
export function wants(
  { channels, namespaces, depth, since }: Wanted,
  { method, namespace, data }: ProtocolEvent,
  position: EventPosition | undefined,
): boolean {
  if (position && since !== undefined && position.seq <= since) return false;
  const { name } = (data ?? {}) as { name?: unknown };
  const channel = method === "input.requested" ? "input" : method;
  const named = method === "custom" && typeof name === "string" && channels.includes(`custom:${name}`);
  if (!channels.includes(channel) && !named) return false;
  if (!namespaces || namespaces.length === 0) return true;
  return namespaces.some(
    (prefix) => isBelow(namespace, prefix) && (depth === undefined || namespace.length - prefix.length <= depth),
  );
}

/** A segment of a prefix may leave out the part after the colon, which is different for each run of a node. */
function isBelow(namespace: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((segment, index) => {
    const own = namespace[index];
    return own !== undefined && (own === segment || own.split(":", 1)[0] === segment);
  });
}
