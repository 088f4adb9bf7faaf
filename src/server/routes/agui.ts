/** AG-UI over HTTP: a `RunAgentInput` in, its events out as SSE, or the whole result as JSON. */
import { randomUUID } from "node:crypto";
import { type Request, type Response, Router } from "express";
import { z } from "zod";
import type { ServedAgent } from "../../graph/registry.ts";
import { type Cursor, cursorOf } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId, threadTopic } from "../../protocol/ids.ts";
import { parseRunAgentInput, parseWith } from "../../protocol/input.ts";
import type { RunHandle } from "../../runs/handle.ts";
import type { RunManager } from "../../runs/manager.ts";
import { catchUpAgui, standing } from "../catch-up.ts";
import { parseNarrowing, viewFor } from "../narrowing.ts";
import { readResult } from "../result.ts";
import type { ServerOptions } from "../server-options.ts";
import { jsonBody } from "./json-body.ts";
import { sendEvents } from "./send-events.ts";
import { whileOpen } from "./while-open.ts";

const connectBody = z.object({ threadId: z.string(), after: z.string().optional() });

export function aguiRoutes(options: ServerOptions): Router {
  const { runs, registry, version } = options;
  const router = Router();
  router.get("/info", (_request, response) => {
    response.json({
      version,
      agents: Object.fromEntries(registry.all.map(listed)),
      audioFileTranscriptionEnabled: false,
    });
  });
  router.post("/", (request, response) => run(options, undefined, request, response));
  router.post("/agent/:agent/run", (request, response) => run(options, request.params.agent, request, response));
  router.post("/agent/:agent/connect", (request, response) =>
    connect(options, request.params.agent, request, response),
  );
  router.post("/agent/:agent/stop/:threadId", (request, response) => {
    registry.get(request.params.agent);
    const threadId = checkId("threadId", request.params.threadId);
    if (!runs.cancel(threadId)) throw new SluiceError("not_found", "There is no active run on this thread.");
    response.json({ stopped: true });
  });
  return router;
}

/** The shape CopilotKit's client asks its runtime for; what frontends may like to know besides. */
function listed({ name, description, prompts, stateKeys, demo }: ServedAgent): [string, object] {
  return [name, { name, description, className: "Sluice", prompts, stateKeys, demo }];
}

async function run(
  options: ServerOptions,
  agent: string | undefined,
  request: Request,
  response: Response,
): Promise<void> {
  const { runs, log } = options;
  const input = parseRunAgentInput(jsonBody(request));
  const narrowing = parseNarrowing(request.query);
  const asked = lastEventId(request);
  await whileOpen(response, async (signal) => {
    const handle = await runs.start({ agent, input, signal, visitor: { request } });
    const leave = runs.follow(handle.threadId);
    try {
      if (wantsJson(request)) {
        const result = await readResult(log, handle, signal);
        if (result) response.json(result);
        return;
      }
      const { from, topic, runId } = handle;
      await sendEvents(options, response, {
        topic,
        // A position before this run is another run's; this one is told from its start.
        after: asked && !(asked.epoch === from.epoch && asked.offset < from.offset) ? asked : from,
        since: from,
        untilEndOf: runId,
        alone: true,
        until: isActive(runs, handle) ? undefined : await log.open(topic),
        view: viewFor(narrowing, () => input.protocolVersion),
        signal,
        catchUp: (reason, begun) => catchUpAgui(runs, handle, reason, begun),
      });
    } finally {
      leave();
    }
  });
}

/** History and live tail in one legal sequence. Never starts a run. */
async function connect(options: ServerOptions, agent: string, request: Request, response: Response): Promise<void> {
  const { runs, registry, log } = options;
  registry.get(agent);
  const { threadId: sent, after: asked } = parseWith(connectBody, jsonBody(request), "body");
  const threadId = checkId("threadId", sent);
  const narrowing = parseNarrowing(request.query);
  const nobody = { threadId, runId: randomUUID() };
  await whileOpen(response, async (signal) => {
    const leave = runs.follow(threadId);
    try {
      const topic = threadTopic(threadId);
      const first = asked === undefined ? await standing(runs, nobody) : undefined;
      const after = first?.cursor ?? cursorOf("after", String(asked));
      const active = runs.active(threadId);
      const { runId } = first ?? active ?? nobody;
      await sendEvents(options, response, {
        topic,
        first,
        after,
        since: first ? undefined : await runs.threads.runAt(threadId, after),
        untilEndOf: runId,
        until: active?.runId === runId ? undefined : await log.open(topic),
        view: viewFor(narrowing, () => undefined),
        signal,
        catchUp: (reason, begun) => catchUpAgui(runs, { threadId, runId }, reason, begun),
      });
    } finally {
      leave();
    }
  });
}

function isActive(runs: RunManager, { threadId, runId }: RunHandle): boolean {
  return runs.active(threadId)?.runId === runId;
}

/** JSON only for those who ask for it and not for events: curl and proxies send a wildcard. */
function wantsJson(request: Request): boolean {
  const accept = request.headers.accept ?? "";
  return accept.includes("application/json") && !accept.includes("text/event-stream");
}

function lastEventId(request: Request): Cursor | undefined {
  const header = request.headers["last-event-id"];
  return header === undefined ? undefined : cursorOf("Last-Event-ID", String(header));
}
