/** Conversations: what clients were told, from the transcript, and what they are told now. */
import { randomUUID } from "node:crypto";
import { Router } from "express";
import { z } from "zod";
import { cursorOf, formatCursor } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId, threadTopic } from "../../protocol/ids.ts";
import { parseWith } from "../../protocol/input.ts";
import { catchUpAgui, standing } from "../catch-up.ts";
import { parseNarrowing, viewFor } from "../narrowing.ts";
import type { ServerOptions } from "../server-options.ts";
import { sendEvents } from "./send-events.ts";
import { whileOpen } from "./while-open.ts";

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(100).default(20),
  before: z.string().optional(),
});

export function threadRoutes(options: ServerOptions): Router {
  const { runs, log, closed } = options;
  const router = Router();

  router.get("/", async (request, response) => {
    const { limit, before } = parseWith(listQuery, request.query, "query");
    response.json(await runs.threads.list(limit, before));
  });

  router.get("/:threadId", async (request, response) => {
    const threadId = checkId("threadId", request.params.threadId);
    const [thread, refused, lastRun, head] = await Promise.all([
      runs.threads.listed(threadId),
      runs.threads.refused(threadId),
      runs.threads.lastRun(threadId),
      log.head(threadTopic(threadId)),
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
    const deleted = await runs.delete(checkId("threadId", request.params.threadId));
    if (!deleted) throw new SluiceError("not_found", "There is no such thread.");
    response.status(204).end();
  });

  router.get("/:threadId/messages", async (request, response) => {
    const threadId = checkId("threadId", request.params.threadId);
    const messages = await runs.threads.messages(threadId);
    if (!messages) throw new SluiceError("not_found", "There is no such thread.");
    response.json({ threadId, messages });
  });

  // A watch: where the thread stands, or what came after a cursor, then whatever happens, until the client leaves.
  router.get("/:threadId/events", async (request, response) => {
    const threadId = checkId("threadId", request.params.threadId);
    const narrowing = parseNarrowing(request.query);
    const asked = request.headers["last-event-id"] ?? request.query.after;
    const run = { threadId, runId: randomUUID() };
    if (closed.aborted) throw new SluiceError("draining");
    if (request.method === "HEAD") {
      response.type("text/event-stream").end();
      return;
    }
    const watch = async (signal: AbortSignal) => {
      const leave = runs.follow(threadId);
      try {
        const first = asked === undefined ? await standing(runs, run) : undefined;
        const after = first?.cursor ?? cursorOf("after", String(asked));
        await sendEvents(options, response, {
          topic: threadTopic(threadId),
          first,
          after,
          since: first ? undefined : await runs.threads.runAt(threadId, after),
          view: viewFor(narrowing, () => undefined),
          signal,
          catchUp: (reason, begun) => catchUpAgui(runs, run, reason, begun),
        });
      } finally {
        leave();
      }
    };
    await whileOpen(response, watch, closed);
  });
  return router;
}
