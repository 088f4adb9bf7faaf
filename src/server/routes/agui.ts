/** AG-UI over HTTP: a `RunAgentInput` in, its events out as SSE, or the whole result as JSON. */
import { type Request, type Response, Router } from "express";
import { parseCursor } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId } from "../../protocol/ids.ts";
import { parseRunAgentInput } from "../../protocol/input.ts";
import { catchUpAgui } from "../catch-up.ts";
import { deliver } from "../deliver.ts";
import { sse } from "../formats/sse.ts";
import { parseNarrowing, viewFor } from "../narrowing.ts";
import { readResult } from "../result.ts";
import type { ServerOptions } from "../server-options.ts";
import { SsePeer } from "../sse-peer.ts";
import { whileOpen } from "./while-open.ts";

export function aguiRoutes(options: ServerOptions): Router {
  const { runs, registry, version } = options;
  const router = Router();
  router.get("/info", (_request, response) => {
    // The shape CopilotKit's client asks its runtime for.
    const agents = registry.all.map(({ name, description }) => [name, { name, description, className: "Sluice" }]);
    response.json({ version, agents: Object.fromEntries(agents), audioFileTranscriptionEnabled: false });
  });
  router.post("/", (request, response) => run(options, undefined, request, response));
  router.post("/agent/:agent/run", (request, response) => run(options, request.params.agent, request, response));
  router.post("/agent/:agent/stop/:threadId", (request, response) => {
    registry.get(request.params.agent);
    const threadId = checkId("threadId", request.params.threadId);
    if (!runs.cancel(threadId)) throw new SluiceError("not_found", "There is no active run on this thread.");
    response.json({ stopped: true });
  });
  return router;
}

async function run(
  options: ServerOptions,
  agent: string | undefined,
  request: Request,
  response: Response,
): Promise<void> {
  const { runs, log } = options;
  const input = parseRunAgentInput(request.body);
  const narrowing = parseNarrowing(request.query);
  const after = lastEventId(request);
  const handle = await runs.start({ agent, input });
  if (wantsJson(request)) {
    const result = await whileOpen(response, runs, handle, (signal) => readResult(log, handle, signal));
    if (result) response.json(result);
    return;
  }
  const peer = new SsePeer(response, { heartbeatMs: options.heartbeatMs, drainMs: options.slowConsumerMs });
  await whileOpen(response, runs, handle, (signal) =>
    deliver({
      log,
      topic: handle.topic,
      after: after ?? handle.from,
      view: viewFor(narrowing, input.protocolVersion),
      format: sse,
      peer,
      signal,
      untilEndOf: handle.runId,
      catchUp: (reason, begun) => catchUpAgui(runs, handle, reason, begun),
    }),
  );
  peer.end();
}

/** JSON only for those who ask for it and not for events: curl and proxies send a wildcard. */
function wantsJson(request: Request): boolean {
  const accept = request.headers.accept ?? "";
  return accept.includes("application/json") && !accept.includes("text/event-stream");
}

function lastEventId(request: Request) {
  const header = request.headers["last-event-id"];
  if (header === undefined) return undefined;
  const cursor = typeof header === "string" ? parseCursor(header) : undefined;
  if (cursor) return cursor;
  throw new SluiceError("bad_request", "Last-Event-ID must be an id of these events, like k3v9:17.");
}
