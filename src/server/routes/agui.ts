/** AG-UI over HTTP: a `RunAgentInput` in, its events out as SSE, or the whole result as JSON. */
import { type Request, type Response, Router } from "express";
import { z } from "zod";
import type { ServedAgent } from "../../graph/registry.ts";
import { type Cursor, cursorOf, formatCursor } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { RunAgentInput } from "../../protocol/events.ts";
import { parseRunAgentInput, parseRunOptions, parseWith } from "../../protocol/input.ts";
import type { VisitedRun } from "../../runs/visited-thread.ts";
import type { Visitor } from "../../runs/visitor.ts";
import type { Format } from "../formats/format.ts";
import { sse } from "../formats/sse.ts";
import { withLegacyAnswer, withLegacyInterrupts } from "../legacy-interrupts.ts";
import { parseNarrowing } from "../narrowing.ts";
import { readResult } from "../result.ts";
import type { ServerOptions } from "../server-options.ts";
import { Subscription } from "../subscription.ts";
import { withClientTools } from "../tanstack/client-tools.ts";
import { hydrate } from "../tanstack/hydration.ts";
import { copilotThreadRoutes, openEnvelope, runtimeInfo, suggest } from "./copilotkit.ts";
import { jsonBody } from "./json-body.ts";
import { sendEvents } from "./send-events.ts";
import { whileOpen } from "./while-open.ts";

export const connectBody = z.object({ threadId: z.string(), after: z.string().optional() });

export const stopBody = z.object({ runId: z.string().optional() });

export function aguiRoutes(options: ServerOptions): Router {
  const { registry, door } = options;
  const router = Router();
  router.post("/", openEnvelope);
  router.get("/", (request, response) => hydrate(options, request, response));
  for (const path of ["/agent/:agent/run", "/agent/:agent"] as const) {
    router.get(path, (request, response) => {
      registry.get(request.params.agent);
      return hydrate(options, request, response);
    });
  }
  router.get("/info", (request, response) => {
    response.json(runtimeInfo(door.visitorOf(request), options));
  });
  router.use("/threads", copilotThreadRoutes(options));
  router.post("/", (request, response) => run(options, undefined, request, response));
  router.post("/agent/:agent/run", (request, response) => run(options, request.params.agent, request, response));
  router.post("/agent/:agent", (request, response) => run(options, request.params.agent, request, response));
  router.post("/agent/:agent/suggest", (request, response) =>
    suggest(options, request.params.agent, request, response),
  );
  router.post("/agent/:agent/connect", (request, response) =>
    connect(options, request.params.agent, request, response),
  );
  router.post("/agent/:agent/stop/:threadId", async (request, response) => {
    registry.get(request.params.agent);
    const thread = await options.door.visitorOf(request).thread(request.params.threadId);
    // CopilotKit names the run that it has started.
    const { runId } = request.body ? parseWith(stopBody, jsonBody(request), "body") : {};
    if (!(await thread.cancel(runId))) throw new SluiceError("not_found", "There is no active run on this thread.");
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
  const visitor = options.door.visitorOf(request);
  const input = parseRunAgentInput(jsonBody(request));
  const narrowing = parseNarrowing(request.query);
  const after = lastEventId(request);
  const wishes = parseRunOptions(input);
  const background = prefersAsync(request) || wishes.background === true;
  if (wishes.inject) return inject(options, visitor, input, background, request, response);
  await whileOpen(response, async (signal) => {
    const { legacyInterrupts } = visitor.agent(agent);
    const answering = legacyInterrupts ? await withLegacyAnswer(visitor, input) : input;
    const run = await visitor.start({ agent, input: answering, background, signal });
    if (background) return accepted(request, response, run);
    if (wantsJson(request)) {
      const leave = run.thread.follow();
      const result = await readResult(visitor.log, run, signal).finally(leave);
      if (result) response.json(result);
      return;
    }
    // TanStack AI's clients name the thread in the address.
    const own = request.query.threadId === undefined ? formatOf(run.agent) : withClientTools(formatOf(run.agent));
    const reader = { narrowing, announced: () => input.protocolVersion, signal, format: own };
    await sendEvents(options, request, response, reader, (reader) => Subscription.ofRun(reader, run, after));
  });
}

/**
 * Sends a client's new messages into the active run. The response is the thread's messages, state and events until the
 * run ends. A client that wants no events gets only the states of its messages.
 */
async function inject(
  options: ServerOptions,
  visitor: Visitor,
  { threadId, messages, protocolVersion }: RunAgentInput,
  background: boolean,
  request: Request,
  response: Response,
): Promise<void> {
  const thread = await visitor.thread(threadId, true);
  const last = messages.slice(messages.findLastIndex(({ role }) => role !== "user") + 1);
  if (last.length === 0) throw new SluiceError("bad_request", "messages: has to end with a message of the user.");
  if (background || wantsJson(request)) {
    const { runId, states } = await thread.inject(last);
    response.status(202).json({ threadId, ...(runId === undefined ? {} : { runId }), messages: states });
    return;
  }
  visitor.need("watch");
  await thread.inject(last);
  const narrowing = parseNarrowing(request.query);
  await whileOpen(response, (signal) =>
    sendEvents(options, request, response, { narrowing, announced: () => protocolVersion, signal }, (reader) =>
      Subscription.untilIdle(reader, thread, undefined),
    ),
  );
}

/** Sends the history and the new events as one valid sequence. Never starts a run. */
async function connect(options: ServerOptions, agent: string, request: Request, response: Response): Promise<void> {
  const format = formatOf(options.registry.get(agent));
  const { threadId, after: sent } = parseWith(connectBody, jsonBody(request), "body");
  const thread = await options.door.visitorOf(request).thread(threadId, true);
  const narrowing = parseNarrowing(request.query);
  const after = sent === undefined ? undefined : cursorOf("after", sent);
  await whileOpen(response, (signal) =>
    sendEvents(options, request, response, { narrowing, signal, format }, (reader) =>
      Subscription.untilIdle(reader, thread, after),
    ),
  );
}

function formatOf({ legacyInterrupts }: ServedAgent): Format {
  return legacyInterrupts ? withLegacyInterrupts(sse) : sse;
}

/** The answer to the start of a run in the background: the address of its thread, and the position before the run. */
function accepted({ baseUrl }: Request, response: Response, { threadId, runId, from }: VisitedRun): void {
  const thread = `${baseUrl.replace(/\/agui$/, "")}/threads/${encodeURIComponent(threadId)}`;
  response.status(202).set({ Location: thread, "Preference-Applied": "respond-async" });
  response.json({ threadId, runId, thread, cursor: formatCursor(from) });
}

/** Does it ask for an answer that does not wait for the run (RFC 7240)? */
function prefersAsync({ headers }: Request): boolean {
  const preferences = String(headers.prefer ?? "").split(/[,;]/);
  return preferences.some((preference) => preference.trim().toLowerCase() === "respond-async");
}

/** JSON only for clients that ask for it and not for events: curl and proxies send a wildcard. */
function wantsJson(request: Request): boolean {
  const accept = request.headers.accept ?? "";
  return accept.includes("application/json") && !accept.includes("text/event-stream");
}

function lastEventId(request: Request): Cursor | undefined {
  const header = request.headers["last-event-id"];
  return header === undefined ? undefined : cursorOf("Last-Event-ID", String(header));
}
