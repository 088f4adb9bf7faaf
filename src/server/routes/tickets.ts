/** One-use tickets: browsers cannot send headers with a WebSocket, and a token in a URL ends up in logs. */
import { Router } from "express";
import type { ServerOptions } from "../server-options.ts";

export function ticketRoutes({ door }: Pick<ServerOptions, "door">): Router {
  const router = Router();
  router.post("/", async (request, response) => {
    response.setHeader("Cache-Control", "no-store");
    response.status(201).json(await door.issueTicket(door.visitorOf(request)));
  });
  return router;
}
