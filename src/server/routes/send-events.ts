/** A subscription as a response of `text/event-stream`. */
import type { Request, Response } from "express";
import { catchUpAgui } from "../catch-up.ts";
import { visitorOf } from "../door.ts";
import { sse } from "../formats/sse.ts";
import type { Narrowing } from "../narrowing.ts";
import type { ServerOptions } from "../server-options.ts";
import { SsePeer } from "../sse-peer.ts";
import type { Reader, Subscription } from "../subscription.ts";

/** What makes a reader of a response. */
export interface EventReader {
  readonly narrowing: Narrowing;
  readonly announced?: () => string | undefined;
  readonly signal: AbortSignal;
}

/** Sends what `subscribe` begins until it ends, then ends the response. An error before the beginning is still an answer. */
export async function sendEvents(
  { counts, heartbeatMs, slowConsumerMs }: Pick<ServerOptions, "counts" | "heartbeatMs" | "slowConsumerMs">,
  request: Request,
  response: Response,
  reader: EventReader,
  subscribe: (reader: Reader) => Promise<Subscription>,
): Promise<void> {
  const subscription = await subscribe({
    ...reader,
    visitor: visitorOf(request),
    format: sse,
    catchingUp: catchUpAgui,
  });
  const slow = () => counts.slowConsumers.count("sse");
  const peer = new SsePeer(response, { heartbeatMs, drainMs: slowConsumerMs, slow });
  await subscription.deliver(peer);
  peer.end();
}
