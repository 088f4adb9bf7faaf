/** LangGraph's Agent Streaming Protocol over HTTP: commands in, a thread's events out, for as long as a client listens. */
import { type Request, type Response, Router } from "express";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId } from "../../protocol/ids.ts";
import { parseNarrowing } from "../narrowing.ts";
import { jsonBody } from "../routes/json-body.ts";
import { sendEvents } from "../routes/send-events.ts";
import { upgradeRequired } from "../routes/upgrade-required.ts";
import { whileOpen } from "../routes/while-open.ts";
import type { ServerOptions } from "../server-options.ts";
import { sseFrame } from "../sse-peer.ts";
import { Subscription } from "../subscription.ts";
import { failure, parseProtocolCommand, perform, success } from "./protocol-commands.ts";
import { eventsOf, parseWanted, type Sending, wants } from "./protocol-events.ts";

export function protocolRoutes(options: ServerOptions): Router {
  const { door, closed } = options;
  const router = Router();
  router.post("/threads/:threadId/commands", async (request, response) => {
    const command = parseProtocolCommand(jsonBody(request), "body");
    const visitor = door.visitorOf(request);
    const threadId = checkId("thread_id", request.params.threadId);
    try {
      response.json(success(command, await perform(visitor, threadId, command)));
    } catch (error) {
      if (!SluiceError.is(error)) throw error;
      response.status(error.status).json(failure(command.id, error));
    }
  });
  router.post("/threads/:threadId/stream/events", (request, response) => {
    if (closed.aborted) throw new SluiceError("draining");
    return whileOpen(response, (signal) => watch(options, request, response, signal), closed);
  });
  router.get("/threads/:threadId/stream/events", upgradeRequired);
  return router;
}

async function watch(
  options: ServerOptions,
  request: Request<{ threadId: string }>,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  const wanted = parseWanted(jsonBody(request), "body");
  const threadId = checkId("thread_id", request.params.threadId);
  const isWanted: Sending["isWanted"] = (event, position) => wants(wanted, event, position);
  const visitor = options.door.visitorOf(request);
  const { thread, from, format } = await eventsOf(visitor, threadId, { isWanted, write: sseFrame });
  const reader = { narrowing: parseNarrowing({ protocol: "1.0" }), signal, format };
  await sendEvents(options, request, response, reader, (reader) => Subscription.ofThread(reader, thread, from));
}
