/** Conversations: what clients were told, from the transcript, and what they are told now. */
import { randomUUID } from "node:crypto";
import { Router } from "express";
import { cursorOf } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId, threadTopic } from "../../protocol/ids.ts";
import { catchUpAgui, standing } from "../catch-up.ts";
import { parseNarrowing, viewFor } from "../narrowing.ts";
import type { ServerOptions } from "../server-options.ts";
import { sendEvents } from "./send-events.ts";
import { whileOpen } from "./while-open.ts";

export function threadRoutes(options: ServerOptions): Router {
  const { runs } = options;
  const router = Router();

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
    await whileOpen(response, async (signal) => {
      const leave = runs.follow(threadId);
      try {
        const first = asked === undefined ? await standing(runs, run) : undefined;
        await sendEvents(options, response, {
          topic: threadTopic(threadId),
          ...(first ? { first, after: first.cursor } : { after: cursorOf("after", String(asked)) }),
          since: runs.active(threadId)?.from,
          view: viewFor(narrowing, () => undefined),
          signal,
          catchUp: (reason, begun) => catchUpAgui(runs, run, reason, begun),
        });
      } finally {
        leave();
      }
    });
  });
  return router;
}
