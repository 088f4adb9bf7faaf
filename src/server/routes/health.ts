/** Is the process alive, and may work come in? */
import { Router } from "express";
import type { ServerOptions } from "../server-options.ts";

export function healthRoutes({ ready }: Pick<ServerOptions, "ready">): Router {
  const router = Router();
  router.get("/healthz", (_request, response) => {
    response.json({ status: "ok" });
  });
  router.get("/readyz", (_request, response) => {
    const isReady = ready();
    response.status(isReady ? 200 : 503).json({ status: isReady ? "ready" : "draining" });
  });
  return router;
}
