/** A delivery as a response of `text/event-stream`. */
import type { ServerResponse } from "node:http";
import { type Delivery, deliver } from "../deliver.ts";
import { sse } from "../formats/sse.ts";
import type { ServerOptions } from "../server-options.ts";
import { SsePeer } from "../sse-peer.ts";

/** Sends until the delivery ends, then ends the response. */
export async function sendEvents(
  { log, heartbeatMs, slowConsumerMs }: Pick<ServerOptions, "log" | "heartbeatMs" | "slowConsumerMs">,
  response: ServerResponse,
  delivery: Omit<Delivery, "log" | "peer" | "format">,
): Promise<void> {
  const peer = new SsePeer(response, { heartbeatMs, drainMs: slowConsumerMs });
  await deliver({ ...delivery, log, peer, format: sse });
  peer.end();
}
