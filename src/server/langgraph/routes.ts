/** LangGraph's own API, for its clients: `useStream`, the SDK's `Client`, `RemoteGraph`, agent-chat-ui. */
import { type Request, type RequestHandler, Router } from "express";
import { z } from "zod";
import { SluiceError } from "../../protocol/errors.ts";
import { parseWith } from "../../protocol/input.ts";
import { jsonBody } from "../routes/json-body.ts";
import type { ServerOptions } from "../server-options.ts";
import { protocolRoutes } from "./protocol.ts";
import { toAssistant, toDrawing, toSchemas } from "./records.ts";
import { runRoutes } from "./runs.ts";
import { threadRoutes } from "./threads.ts";

const searchBody = z.object({
  graph_id: z.string().nullish(),
  name: z.string().nullish(),
  limit: z.number().int().min(1).default(10),
  offset: z.number().int().min(0).default(0),
});

export function langGraphRoutes(options: ServerOptions): Router {
  const { door, registry, version } = options;
  const router = Router();
  router.get("/ok", (_request, response) => {
    response.json({ ok: true });
  });
  router.get("/info", (_request, response) => {
    response.json({ version, flags: { assistants: true, crons: false, langsmith: false } });
  });

  const agentOf = (request: Request<{ assistant: string }>) => door.visitorOf(request).agent(request.params.assistant);
  router.post("/assistants/search", (request, response) => {
    const { graph_id: graph, name, limit, offset } = parseWith(searchBody, jsonBody(request), "body");
    const agents = registry.all.filter((agent) =>
      [graph ?? agent.name, name ?? agent.name].every((n) => n === agent.name),
    );
    response.json(agents.slice(offset, offset + limit).map(toAssistant));
  });
  router.get("/assistants/:assistant", (request, response) => {
    response.json(toAssistant(agentOf(request)));
  });
  router.get("/assistants/:assistant/graph", (request, response) => {
    response.json(toDrawing(agentOf(request)));
  });
  router.get("/assistants/:assistant/schemas", (request, response) => {
    response.json(toSchemas(agentOf(request)));
  });
  router.get("/assistants/:assistant/subgraphs", (request, response) => {
    agentOf(request);
    response.json({});
  });

  for (const [path, sentence] of Object.entries(NOT_SERVED)) router.all(path, notServed(sentence));
  router.use(threadRoutes(options));
  router.use(runRoutes(options));
  router.use(protocolRoutes(options));
  return router;
}

/** Parts of LangGraph's API that have no counterpart in Sluice. */
const NOT_SERVED: Readonly<Record<string, string>> = {
  "/runs/crons{/*rest}": "Crons are not served. Start the runs of a schedule from the app, with sluice.runs.",
  "/threads/:threadId/runs/crons": "Crons are not served. Start the runs of a schedule from the app, with sluice.runs.",
  "/store{/*rest}": "A graph's store is its own: clients neither read nor write it.",
  "/threads/:threadId/copy": "Threads are not copied.",
};

function notServed(sentence: string): RequestHandler {
  return (_request, _response, next) => next(new SluiceError("not_implemented", sentence));
}
