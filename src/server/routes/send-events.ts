/** A subscription as a response of `text/event-stream`. */
import type { IncomingMessage } from "node:http";
import type { Response } from "express";
import { formatCursor } from "../../protocol/cursor.ts";
import type { AguiEvent } from "../../protocol/events.ts";
import { tokenExpired, tokenExpiring, watchExpiry } from "../auth/expiry.ts";
import { catchUpAgui } from "../catch-up.ts";
import type { Format } from "../formats/format.ts";
import { sse } from "../formats/sse.ts";
import type { Narrowing } from "../narrowing.ts";
import type { ServerOptions } from "../server-options.ts";
import { SsePeer, sseFrame } from "../sse-peer.ts";
import type { Reader, Subscription } from "../subscription.ts";

/** The fields that make a reader of a response. */
export interface EventReader {
  readonly narrowing: Narrowing;
  readonly announced?: () => string | undefined;
  readonly signal: AbortSignal;
  /** Default: AG-UI's events. */
  readonly format?: Format;
}

/** The position of the thread's last event when the response begins. */
export const HEAD_HEADER = "Sluice-Head";

type Sending = Pick<ServerOptions, "door" | "connections" | "heartbeatMs" | "slowConsumerMs" | "slow">;

/**
 * Sends the events of a subscription until it ends, and then ends the response. If `subscribe` fails, the error can
 * still be answered with a status.
 */
export async function sendEvents(
  { door, connections, heartbeatMs, slowConsumerMs, slow }: Sending,
  request: IncomingMessage,
  response: Response,
  reader: EventReader,
  subscribe: (reader: Reader) => Promise<Subscription>,
): Promise<void> {
  const visitor = door.visitorOf(request);
  const { format = sse } = reader;
  const subscription = await subscribe({ ...reader, visitor, format, catchingUp: catchUpAgui });
  if (subscription.head) response.set(HEAD_HEADER, formatCursor(subscription.head));
  const peer = new SsePeer(response, {
    continues: subscription.continues,
    ends: subscription.ends,
    heartbeatMs,
    drainMs: slowConsumerMs,
    slow: (unread) => slow("sse", unread),
  });
  connections.add(peer, peer.closed);
  // A response cannot get a newer token: the client reconnects with a token and with its cursor.
  const frame = (event: AguiEvent) => (format.agui ? sseFrame(JSON.stringify(event), undefined) : "");
  const unwatch = watchExpiry(visitor.principal, {
    expiring: (seconds) => peer.sendUnlogged(frame(tokenExpiring(seconds))),
    over: () => peer.hangUp(frame(tokenExpired())),
  });
  await subscription.deliver(peer).finally(unwatch);
  peer.end();
}
