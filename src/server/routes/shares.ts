/**
 * Shares of a thread: a link that lets others watch it. Its secret is in the fragment of the URL, which browsers do not
 * send.
 */
import { type Request, Router } from "express";
import { z } from "zod";
import { parseWith } from "../../protocol/input.ts";
import type { VisitedThread } from "../../runs/visited-thread.ts";
import type { Share } from "../../store/shares.ts";
import { digest, newSecret } from "../auth/secrets.ts";
import type { ServerOptions } from "../server-options.ts";
import { jsonBody } from "./json-body.ts";

export const shareBody = z.object({ expiresInSeconds: z.number().int().min(1).max(31_536_000).optional() });

export const shareTicketBody = z.object({ secret: z.string().max(256) });

/** Makes the routes below a thread. `threadOf` finds the thread that a request names. */
export function shareRoutes(threadOf: (request: Request<{ threadId: string }>) => Promise<VisitedThread>): Router {
  const router = Router({ mergeParams: true });

  router.post("/", async (request: Request<{ threadId: string }>, response) => {
    const { expiresInSeconds } = request.body ? parseWith(shareBody, jsonBody(request), "body") : {};
    const thread = await threadOf(request);
    const secret = newSecret();
    const expiresAt = expiresInSeconds === undefined ? undefined : Date.now() + expiresInSeconds * 1_000;
    const share = await thread.share(digest(secret), expiresAt);
    response.setHeader("Cache-Control", "no-store");
    response.status(201).json({ ...shown(share), secret });
  });

  router.get("/", async (request: Request<{ threadId: string }>, response) => {
    const shares = await (await threadOf(request)).shares();
    response.json({ shares: shares.map(shown) });
  });

  router.delete("/:share", async (request: Request<{ threadId: string; share: string }>, response) => {
    await (await threadOf(request)).revoke(request.params.share);
    response.status(204).end();
  });
  return router;
}

/** Makes the route for clients that have only the secret of a share. */
export function shareTicketRoutes({ door }: Pick<ServerOptions, "door">): Router {
  const router = Router();
  router.post("/tickets", async (request, response) => {
    const { secret } = parseWith(shareTicketBody, jsonBody(request), "body");
    response.setHeader("Cache-Control", "no-store");
    response.status(201).json(await door.redeem(secret, request));
  });
  return router;
}

function shown({ id, madeAt, expiresAt }: Share) {
  return { share: id, madeAt, ...(expiresAt === undefined ? {} : { expiresAt }) };
}
