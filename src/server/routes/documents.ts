/** The documents for machines. They say nothing of agents, threads or clients, so every client may read them. */
import { Router } from "express";
import { asyncApi } from "../documents/asyncapi.ts";
import { openApi } from "../documents/openapi.ts";
import type { ServerOptions } from "../server-options.ts";

export function documentRoutes({ version }: Pick<ServerOptions, "version">): Router {
  const router = Router();
  const made = new Map<string, object>();
  const once = (name: string, make: (version: string) => object) => {
    const document = made.get(name) ?? make(version);
    made.set(name, document);
    return document;
  };
  router.get("/openapi.json", (_request, response) => void response.json(once("openapi", openApi)));
  router.get("/asyncapi.json", (_request, response) => void response.json(once("asyncapi", asyncApi)));
  return router;
}
