/** Conversations: the messages that clients were sent, from the transcript, and the events from now on. */
import { type Request, Router } from "express";
import { z } from "zod";
import { cursorOf, formatCursor } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/input.ts";
import type { VisitedThread } from "../../runs/visited-thread.ts";
import type { Visitor } from "../../runs/visitor.ts";
import type { Door } from "../door.ts";
import { parseNarrowing } from "../narrowing.ts";
import type { ServerOptions } from "../server-options.ts";
import { Subscription } from "../subscription.ts";
import { sendEvents } from "./send-events.ts";
import { shareRoutes } from "./shares.ts";
import { whileOpen } from "./while-open.ts";

export const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  before: z.string().optional(),
});

export const ownerQuery = z.object({
  owner: z
    .string()
    .max(4_096)
    .refine((owner) => !/\p{Cc}/u.test(owner), "name an owner as a list of threads does")
    .optional(),
});

export function threadRoutes(options: ServerOptions): Router {
  const { closed, door } = options;
  const router = Router();

  router.get("/", async (request, response) => {
    const { limit, before } = parseWith(listQuery, request.query, "query");
    response.json(await visitorIn(door, request).list(limit, before));
  });

  router.get("/:threadId", async (request, response) => {
    const visited = await threadOf(door, request);
    const [thread, refused, lastRun, head] = await Promise.all([
      visited.listed(),
      visited.refused(),
      visited.lastRun(),
      visitorIn(door, request).log.head(visited.topic()),
    ]);
    if (!thread) throw new SluiceError("not_found", "There is no such thread.");
    response.json({
      ...thread,
      refused,
      ...(lastRun ? { lastRun } : {}),
      ...(head ? { cursor: formatCursor(head) } : {}),
    });
  });

  router.delete("/:threadId", async (request, response) => {
    const deleted = await (await threadOf(door, request)).delete();
    if (!deleted) throw new SluiceError("not_found", "There is no such thread.");
    response.status(204).end();
  });

  router.get("/:threadId/messages", async (request, response) => {
    const thread = await threadOf(door, request);
    const messages = await thread.messages();
    if (!messages) throw new SluiceError("not_found", "There is no such thread.");
    const { interrupts } = await thread.waiting();
    const { threadId } = thread;
    response.json({ threadId, messages, ...(interrupts.length > 0 ? { interrupts } : {}) });
  });

  // A watch: the thread's messages and state, or the events after a cursor, and then new events until the client
  // disconnects.
  router.get("/:threadId/events", async (request, response) => {
    const thread = await threadOf(door, request, true);
    const narrowing = parseNarrowing(request.query);
    const sent = request.headers["last-event-id"] ?? request.query.after;
    const after = sent === undefined ? undefined : cursorOf("after", String(sent));
    if (closed.aborted) throw new SluiceError("draining");
    if (request.method === "HEAD") {
      response.type("text/event-stream").end();
      return;
    }
    const watch = (signal: AbortSignal) =>
      sendEvents(options, request, response, { narrowing, signal }, (reader) =>
        Subscription.ofThread(reader, thread, after),
      );
    await whileOpen(response, watch, closed);
  });
  router.use(
    "/:threadId/shares",
    shareRoutes((request) => threadOf(door, request)),
  );
  return router;
}

/** An admin may name the owner of the threads; the empty name stands for threads without an owner. */
function visitorIn(door: Door, request: Request<object>): Visitor {
  const { owner } = parseWith(ownerQuery, request.query, "query");
  const visitor = door.visitorOf(request);
  return owner === undefined ? visitor : visitor.among(owner);
}

function threadOf(door: Door, request: Request<{ threadId: string }>, awaited = false): Promise<VisitedThread> {
  return visitorIn(door, request).thread(request.params.threadId, awaited);
}
