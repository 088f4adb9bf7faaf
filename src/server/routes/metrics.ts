/** The process's counts, for Prometheus. */
import { createHash, timingSafeEqual } from "node:crypto";
import { Router } from "express";
import { SluiceError } from "../../protocol/errors.ts";

export interface MetricsOptions {
  /**
   * Clients have to send it as `Authorization: Bearer`. Without a token every client that reaches the route is
   * answered.
   */
  readonly token: string | undefined;
  /** The text, and its content type. */
  readonly read: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

export function metricsRoutes({ token, read }: MetricsOptions): Router {
  const router = Router();
  router.get("/metrics", async (request, response) => {
    if (token !== undefined && !isSame(request.headers.authorization ?? "", `Bearer ${token}`)) {
      const error = new SluiceError("unauthorized", "Send METRICS_TOKEN as Authorization: Bearer.");
      response.status(error.status).set("WWW-Authenticate", "Bearer").json({ error });
      return;
    }
    const { contentType, text } = await read();
    response.set("Content-Type", contentType).send(text);
  });
  return router;
}

/** Compares in constant time, which does not show how much is right. */
function isSame(given: string, expected: string): boolean {
  const digest = (text: string) => createHash("sha256").update(text).digest();
  return timingSafeEqual(digest(given), digest(expected));
}
