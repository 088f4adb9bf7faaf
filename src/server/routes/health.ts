/** Is the process alive, and may work come in? */
import { Router } from "express";
import type { ServerOptions } from "../server-options.ts";

export function healthRoutes({ ready, unavailable }: Pick<ServerOptions, "ready" | "unavailable">): Router {
  const router = Router();
  let look: Promise<readonly string[]> | undefined;
  // Requests that come during a look share its answer, so that a flood of them does not flood the engines.
  const lookOnce = () => {
    look ??= unavailable().finally(() => {
      look = undefined;
    });
    return look;
  };
  router.get("/healthz", (_request, response) => {
    response.json({ status: "ok" });
  });
  router.get("/readyz", async (_request, response) => {
    const engines = ready() ? await lookOnce() : [];
    if (!ready()) response.status(503).json({ status: "draining" });
    else if (engines.length > 0) response.status(503).json({ status: "storage_unavailable", unavailable: engines });
    else response.json({ status: "ready" });
  });
  return router;
}
