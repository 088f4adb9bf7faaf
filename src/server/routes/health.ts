/** Is the process alive, and may work come in? */
import { Router } from "express";
import type { ServerOptions } from "../server-options.ts";

export function healthRoutes({ ready, writable }: Pick<ServerOptions, "ready" | "writable">): Router {
  const router = Router();
  router.get("/healthz", (_request, response) => {
    response.json({ status: "ok" });
  });
  router.get("/readyz", async (_request, response) => {
    const status = !ready() ? "draining" : (await writable()) ? "ready" : "storage_unavailable";
    response.status(status === "ready" ? 200 : 503).json({ status });
  });
  return router;
}
