/** Conversations: what clients were told, from the transcript. */
import { Router } from "express";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId } from "../../protocol/ids.ts";
import type { ServerOptions } from "../server-options.ts";

export function threadRoutes({ runs }: Pick<ServerOptions, "runs">): Router {
  const router = Router();
  router.get("/:threadId/messages", async (request, response) => {
    const threadId = checkId("threadId", request.params.threadId);
    const messages = await runs.messages(threadId);
    if (!messages) throw new SluiceError("not_found", "There is no such thread.");
    response.json({ threadId, messages });
  });
  return router;
}
