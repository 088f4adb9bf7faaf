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
  const found = ({ graph_id: graph, name }: z.infer<typeof searchBody>) =>
    registry.all.filter((agent) => [graph ?? agent.name, name ?? agent.name].every((one) => one === agent.name));
  router.post("/assistants/search", (request, response) => {
    const search = parseWith(searchBody, jsonBody(request), "body");
    response.json(
      found(search)
        .slice(search.offset, search.offset + search.limit)
        .map(toAssistant),
    );
  });
  router.post("/assistants/count", (request, response) => {
    response.json(found(parseWith(searchBody, jsonBody(request), "body")).length);
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
  // An agent is one node to clients.
  for (const path of ["/assistants/:assistant/subgraphs", "/assistants/:assistant/subgraphs/:namespace"])
    router.get(path, (request: Request<{ assistant: string }>, response) => {
      agentOf(request);
      response.json({});
    });

  for (const [route, sentence] of Object.entries(NOT_SERVED)) {
    const [method = "", path = ""] = route.split(" ");
    router.all(path, notServed(method, sentence));
  }
  router.use(threadRoutes(options));
  router.use(runRoutes(options));
  router.use(protocolRoutes(options));
  return router;
}

const NO_CRONS = "Crons are not served. Start the runs of a schedule from the app, with sluice.runs.";
const NO_NEW_ASSISTANTS =
  "Assistants are the agents of the server's configuration. Clients neither make nor change them.";
const NO_VERSIONS = "Assistants have no versions.";
const ONE_BY_ONE = "Runs are started and cancelled one by one.";

/** Parts of LangGraph's API that have no counterpart in Sluice: each method, or `*`, and path. */
const NOT_SERVED: Readonly<Record<string, string>> = {
  "* /runs/crons{/*rest}": NO_CRONS,
  "* /threads/:threadId/runs/crons": NO_CRONS,
  "* /store{/*rest}": "A graph's store is its own: clients neither read nor write it.",
  "* /threads/:threadId/copy": "Threads are not copied.",
  "POST /assistants": NO_NEW_ASSISTANTS,
  "PATCH /assistants/:assistant": NO_NEW_ASSISTANTS,
  "DELETE /assistants/:assistant": NO_NEW_ASSISTANTS,
  "POST /assistants/:assistant/versions": NO_VERSIONS,
  "POST /assistants/:assistant/latest": NO_VERSIONS,
  "PATCH /threads/:threadId":
    "A thread has no metadata of its clients. PATCH /agui/threads/:threadId changes its name.",
  "PATCH /threads/:threadId/state": "A thread's state is changed by its runs: send input, or command.update.",
  "POST /threads/count": "Threads are not counted. POST /threads/search lists them.",
  "POST /threads/prune": "Threads are deleted one by one: DELETE /threads/:threadId.",
  "GET /threads/:threadId/stream":
    "A thread is followed by POST /threads/:threadId/stream/events, and a run by its own stream.",
  "DELETE /threads/:threadId/runs/:runId": "Runs are deleted with their thread: DELETE /threads/:threadId.",
  "POST /runs": "A run that nobody waits for needs a thread: POST /threads/:threadId/runs.",
  "POST /runs/batch": ONE_BY_ONE,
  "POST /runs/cancel": ONE_BY_ONE,
};

function notServed(method: string, sentence: string): RequestHandler {
  return (request, _response, next) =>
    next(method === "*" || method === request.method ? new SluiceError("not_implemented", sentence) : undefined);
}
