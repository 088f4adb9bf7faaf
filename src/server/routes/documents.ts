/** The documents for machines. They say nothing of agents, threads or clients, so every client may read them. */
import { type RequestHandler, Router } from "express";
import { asyncApi } from "../documents/asyncapi.ts";
import { openApi } from "../documents/openapi.ts";
import type { ServerOptions } from "../server-options.ts";

export function documentRoutes({
  version,
  ...doors
}: Pick<ServerOptions, "version" | "langGraphApi" | "aiSdkApi">): Router {
  const router = Router();
  router.get(
    "/openapi.json",
    once(() => openApi(version, doors)),
  );
  router.get(
    "/asyncapi.json",
    once(() => asyncApi(version, doors)),
  );
  return router;
}

/** A document is made and serialized for the first client that asks for it: these routes have no limit. */
function once(make: () => object): RequestHandler {
  let made: string | undefined;
  return (_request, response) => {
    made ??= JSON.stringify(make());
    response.type("json").send(made);
  };
}
