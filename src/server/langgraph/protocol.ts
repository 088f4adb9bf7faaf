/** LangGraph's Agent Streaming Protocol over HTTP: commands in, a thread's events out, for as long as a client listens. */
import { type Request, type Response, Router } from "express";
import { z } from "zod";
import { formatCursor } from "../../protocol/cursor.ts";
import { type ErrorCode, SluiceError } from "../../protocol/errors.ts";
import type { AguiEvent } from "../../protocol/events.ts";
import { checkId } from "../../protocol/ids.ts";
import { fromCommand } from "../../protocol/injected.ts";
import { parseWith } from "../../protocol/input.ts";
import type { VisitedThread } from "../../runs/visited-thread.ts";
import type { Visitor } from "../../runs/visitor.ts";
import type { Format } from "../formats/format.ts";
import { parseNarrowing } from "../narrowing.ts";
import { jsonBody } from "../routes/json-body.ts";
import { sendEvents } from "../routes/send-events.ts";
import { whileOpen } from "../routes/while-open.ts";
import type { ServerOptions } from "../server-options.ts";
import { sseFrame } from "../sse-peer.ts";
import { Subscription } from "../subscription.ts";
import type { Outgoing } from "../view.ts";
import { valuesOf } from "./projection.ts";
import { type ProtocolEvent, ProtocolProjection } from "./protocol-projection.ts";
import { startRun } from "./start.ts";

const command = z.object({
  id: z.number().int().min(0),
  method: z.string(),
  params: z.record(z.string(), z.unknown()).default({}),
});

const stream = z.object({
  channels: z.array(z.string()).min(1),
  namespaces: z.array(z.array(z.string())).optional(),
  depth: z.number().int().min(0).optional(),
  since: z.number().int().min(0).optional(),
});

/** The events that a client wants. */
export type Wanted = z.infer<typeof stream>;

export function protocolRoutes(options: ServerOptions): Router {
  const { door, closed } = options;
  const router = Router();
  router.post("/threads/:threadId/commands", async (request, response) => {
    const { id, method, params } = parseWith(command, jsonBody(request), "body");
    const visitor = door.visitorOf(request);
    const threadId = checkId("thread_id", request.params.threadId);
    try {
      response.json({ type: "success", id, result: await perform(visitor, threadId, method, params) });
    } catch (error) {
      if (!SluiceError.is(error)) throw error;
      const { code, message, status } = error;
      response
        .status(status)
        .json({ type: "error", id, error: PROTOCOL_CODES[code] ?? "unknown_error", code, message });
    }
  });
  router.post("/threads/:threadId/stream/events", (request, response) => {
    if (closed.aborted) throw new SluiceError("draining");
    return whileOpen(response, (signal) => watch(options, request, response, signal), closed);
  });
  return router;
}

const PROTOCOL_CODES: Partial<Record<ErrorCode, string>> = {
  bad_request: "invalid_argument",
  forbidden: "invalid_argument",
  not_implemented: "unknown_command",
};

async function perform(
  visitor: Visitor,
  threadId: string,
  method: string,
  params: Readonly<Record<string, unknown>>,
): Promise<object> {
  switch (method) {
    case "run.start": {
      const { multitaskStrategy: multitask_strategy, ...body } = params;
      // Its client reads the thread's events, and may come back to them.
      const { run } = await startRun(visitor, threadId, { ...body, multitask_strategy }, { detached: true });
      return { run_id: run.runId };
    }
    case "input.respond":
      return respond(visitor, threadId, params);
    case "input.inject": {
      const { message } = parseWith(inject, params, "params");
      const thread = await visitor.thread(threadId);
      const { runId: run_id, states } = await thread.inject([fromCommand(message)]);
      return { run_id, message_id: states[0]?.messageId, state: states[0]?.state };
    }
    case "state.get": {
      const snapshot = await (await visitor.thread(threadId)).snapshot();
      return { values: valuesOf(snapshot) };
    }
    default:
      throw new SluiceError(
        "not_implemented",
        "method: Sluice knows run.start, input.respond, input.inject and state.get.",
      );
  }
}

const inject = z.object({
  message: z.object({
    id: z.string().optional(),
    role: z.literal("user", { error: "must be user: clients send no other messages into a run" }),
    content: z.string(),
  }),
});

const response = z.object({ interrupt_id: z.string(), response: z.unknown().optional() });

/** Answers one interrupt, or several at once. All that are open have to be answered. */
async function respond(visitor: Visitor, threadId: string, params: Readonly<Record<string, unknown>>): Promise<object> {
  const { responses, interrupt_id, response: only, namespace: _, update, goto, ...body } = params;
  const given = parseWith(
    z.array(response).min(1),
    responses ?? [{ interrupt_id, response: only }],
    "params.responses",
  );
  const { agent, interrupts } = await (await visitor.thread(threadId)).waiting();
  const unknown = given.some((answer) => !interrupts.some(({ id }) => id === answer.interrupt_id));
  if (agent === undefined || unknown) {
    throw new SluiceError("bad_request", "interrupt_id: this thread waits for no such answer.");
  }
  const resume = Object.fromEntries(given.map((answer) => [answer.interrupt_id, answer.response ?? null]));
  const start = { assistant_id: agent, ...body, input: null, command: { resume, update, goto } };
  const { run } = await startRun(visitor, threadId, start, { detached: true });
  return { run_id: run.runId };
}

/**
 * Sends events from the start of the active or last run: clients know events by their ids, and may have sent a command
 * before they listen.
 */
async function watch(
  options: ServerOptions,
  request: Request<{ threadId: string }>,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  const visitor = options.door.visitorOf(request);
  const wanted = parseWith(stream, jsonBody(request), "body");
  const thread = await visitor.thread(checkId("thread_id", request.params.threadId), true);
  visitor.need("watch");
  const [run] = await thread.runs();
  const from = run?.from ?? (await visitor.log.open(thread.topic()));
  const format = protocolFormat(await projectionOf(thread, run), wanted);
  const reader = { narrowing: parseNarrowing({ protocol: "1.0" }), signal, format };
  await sendEvents(options, request, response, reader, (reader) => Subscription.ofThread(reader, thread, from));
}

async function projectionOf(
  thread: VisitedThread,
  run: { readonly runId: string; readonly agent: string } | undefined,
): Promise<ProtocolProjection> {
  const { threadId } = thread;
  const history = run ? await thread.before(run.runId) : [];
  return new ProtocolProjection({ threadId, agent: run?.agent ?? "agent" }, history);
}

/** The most events that one entry of the log becomes. */
const ROOM = 1_000;

/** One event a frame. Ids of events are made from their entry's position, so they are always the same for everybody. */
function protocolFormat(projection: ProtocolProjection, wanted: Wanted): Format {
  return {
    graph: false,
    apart: true,
    encode({ json, node, cursor }: Outgoing) {
      const event = JSON.parse(json) as AguiEvent;
      return projection.push(event, node).flatMap((made, index) => {
        const { method, namespace, data } = made;
        const seq = cursor && cursor.offset * ROOM + index;
        if (!wants(wanted, made) || (seq !== undefined && wanted.since !== undefined && seq <= wanted.since)) return [];
        const id = cursor && `${formatCursor(cursor)}.${index}`;
        const from = made.node === undefined ? {} : { node: made.node };
        const params = { namespace, timestamp: event.timestamp ?? 0, ...from, data };
        return [sseFrame(JSON.stringify({ type: "event", seq, event_id: id, method, params }), id)];
      });
    },
  };
}

function wants({ channels, namespaces, depth }: Wanted, { method, namespace, data }: ProtocolEvent): boolean {
  const { name } = (data ?? {}) as { name?: unknown };
  const channel = method === "input.requested" ? "input" : method;
  const named = method === "custom" && typeof name === "string" && channels.includes(`custom:${name}`);
  if (!channels.includes(channel) && !named) return false;
  if (!namespaces || namespaces.length === 0) return true;
  return namespaces.some(
    (prefix) => isBelow(namespace, prefix) && (depth === undefined || namespace.length - prefix.length <= depth),
  );
}

/** A segment of a prefix may leave out the part after the colon, which is different for each run of a node. */
function isBelow(namespace: readonly string[], prefix: readonly string[]): boolean {
  return prefix.every((segment, index) => {
    const own = namespace[index];
    return own !== undefined && (own === segment || own.split(":", 1)[0] === segment);
  });
}
