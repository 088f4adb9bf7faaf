/**
 * The routes that CopilotKit's client asks its runtime for, beside runs: what the server can do, suggestions, and a
 * back end for `useThreads`. All of it may come over one route too, in envelopes.
 */
import { type Request, type RequestHandler, type Response, Router } from "express";
import { z } from "zod";
import type { ServedAgent } from "../../graph/registry.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { Message } from "../../protocol/events.ts";
import { isRecord, parseRunAgentInput, parseWith } from "../../protocol/input.ts";
import type { VisibleThread, Visitor } from "../../runs/visitor.ts";
import { formatPlace } from "../../store/listing.ts";
import { standing } from "../catch-up.ts";
import { parseNarrowing } from "../narrowing.ts";
import type { ServerOptions } from "../server-options.ts";
import { Subscription } from "../subscription.ts";
import { jsonBody } from "./json-body.ts";
import { sendEvents } from "./send-events.ts";
import { whileOpen } from "./while-open.ts";

export const copilotListQuery = z.object({
  agentId: z.string().optional(),
  limit: z.coerce.number().int().min(1).max(100).default(50),
  cursor: z.string().optional(),
  includeArchived: z.enum(["true", "false"], { error: "must be true or false" }).optional(),
});

export const threadChange = z.object({ name: z.string().trim().min(1).optional(), archived: z.boolean().optional() });

/** The most threads that one page looks at. */
const MAX_LOOKED_AT = 1_000;

/** Describes the agents, and the requests that clients may send here. */
export function runtimeInfo(visitor: Visitor, { registry, version }: Pick<ServerOptions, "registry" | "version">) {
  const { lists } = visitor;
  const threadEndpoints = { list: lists, inspect: true, mutations: lists, realtimeMetadata: false };
  return {
    version,
    mode: "sse",
    agents: Object.fromEntries(registry.all.map((agent) => [agent.name, listed(agent)])),
    audioFileTranscriptionEnabled: false,
    suggestions: true,
    threadEndpoints,
    singleRoute: { resourceOperations: true, threadEndpoints },
  };
}

/** Describes an agent. Besides the members that CopilotKit reads, there are others that are useful to frontends. */
function listed(agent: ServedAgent): object {
  const { name, description, prompts, stateKeys, demo } = agent;
  const capabilities = capabilitiesOf(agent);
  return { name, description, className: "Sluice", capabilities, prompts, stateKeys, demo };
}

/** The capabilities that Sluice knows of itself. It does not know how a graph's nodes use tools and files. */
function capabilitiesOf({ name, description, graph, stateKeys, subagents, tokens, reasoning }: ServedAgent): object {
  const remembers = Boolean(graph.checkpointer);
  const shown = stateKeys.length > 0;
  return {
    identity: { name, description, type: "langgraph" },
    transport: { streaming: tokens, websocket: true, resumable: true },
    state: { snapshots: shown, deltas: shown, memory: remembers, persistentState: remembers },
    reasoning: { supported: reasoning, streaming: reasoning && tokens },
    ...(subagents ? { multiAgent: { supported: true } } : {}),
    humanInTheLoop: { supported: remembers, interrupts: remembers },
  };
}

const envelope = z.object({
  method: z.string(),
  params: z.record(z.string(), z.string()).default({}),
  body: z.unknown().optional(),
});

/** Turns a request in an envelope into the request that it contains. Other requests pass unchanged. */
export const openEnvelope: RequestHandler = (request, _response, next) => {
  const value = request.method === "POST" ? jsonBody(request) : undefined;
  if (!isRecord(value) || value.method === undefined || value.threadId !== undefined) return next();
  const { method, params, body } = parseWith(envelope, value, "body");
  const { httpMethod, url } = target(method, params);
  Object.assign(request, { method: httpMethod, url, body: body ?? {} });
  next();
};

function target(method: string, params: Readonly<Record<string, string>>) {
  const named = (name: string) => {
    const value = params[name];
    if (value === undefined) throw new SluiceError("bad_request", `params.${name}: is missing, must be a string.`);
    return encodeURIComponent(value);
  };
  switch (method) {
    case "info":
      return { httpMethod: "GET", url: "/info" };
    case "agent/run":
    case "agent/connect":
    case "agent/suggest":
      return { httpMethod: "POST", url: `/agent/${named("agentId")}/${method.slice("agent/".length)}` };
    case "agent/stop":
      return { httpMethod: "POST", url: `/agent/${named("agentId")}/stop/${named("threadId")}` };
    case "resource/request": {
      const { path = "", httpMethod = "GET" } = params;
      if (/^\/threads(?:[/?]|$)/.test(path)) return { httpMethod: httpMethod.toUpperCase(), url: path };
    }
  }
  throw new SluiceError(
    "not_implemented",
    "method: valid are info, agent/run, agent/connect, agent/stop, agent/suggest, and resource/request for threads.",
  );
}

/** Runs an agent and keeps nothing: the thread is deleted after the run, or when the client disconnects. */
export async function suggest(options: ServerOptions, agent: string, request: Request, response: Response) {
  const visitor = options.door.visitorOf(request);
  const input = parseRunAgentInput(jsonBody(request));
  const narrowing = parseNarrowing(request.query);
  const own = await visitor.thread(input.threadId);
  if (await own.listed()) throw new SluiceError("bad_request", "threadId: suggestions need a thread that is new.");
  await whileOpen(response, async (signal) => {
    const run = await visitor.start({ agent, input, signal });
    const reader = { narrowing, announced: () => input.protocolVersion, signal };
    await sendEvents(options, request, response, reader, (reader) =>
      Subscription.ofRun(reader, run, undefined),
    ).finally(() => run.thread.delete());
  });
}

/** A back end for CopilotKit's `useThreads`. */
export function copilotThreadRoutes({ door }: Pick<ServerOptions, "door">): Router {
  const router = Router();
  const threadOf = (request: Request<{ threadId: string }>) => door.visitorOf(request).thread(request.params.threadId);

  const mark = async (request: Request<{ threadId: string }>, change: z.infer<typeof threadChange>) => {
    const thread = await threadOf(request);
    if (!(await thread.mark(change))) throw notThere();
    const marked = await thread.listed();
    if (!marked) throw notThere();
    return toRecord(marked);
  };

  // CopilotKit's own runtime forgets the threads of all users here, and a page may request it when it loads.
  router.post("/clear", () => {
    throw new SluiceError("not_implemented", "Threads are deleted one by one: DELETE /agui/threads/{threadId}.");
  });
  router.get("/", async (request, response) => {
    const query = parseWith(copilotListQuery, request.query, "query");
    response.json(await page(door.visitorOf(request), query));
  });
  router.patch("/:threadId", async (request, response) => {
    response.json(await mark(request, parseWith(threadChange, jsonBody(request), "body")));
  });
  router.post("/:threadId/archive", async (request, response) => {
    response.json(await mark(request, { archived: true }));
  });
  router.delete("/:threadId", async (request, response) => {
    const thread = await threadOf(request);
    if (!(await thread.delete())) throw notThere();
    response.json({ threadId: thread.threadId, deleted: true });
  });
  router.get("/:threadId/messages", async (request, response) => {
    const messages = await (await threadOf(request)).messages();
    if (!messages) throw notThere();
    response.json({ messages: messages.map(toInspected) });
  });
  // Returns made-up events that lead to the thread's current messages, because the original events are not kept.
  router.get("/:threadId/events", async (request, response) => {
    const thread = await threadOf(request);
    if (!(await thread.listed())) throw notThere();
    response.json({ events: (await standing(thread, { questions: true })).events });
  });
  router.get("/:threadId/state", async (request, response) => {
    const thread = await threadOf(request);
    if (!(await thread.listed())) throw notThere();
    response.json({ state: (await thread.snapshot()).state ?? null });
  });
  return router;
}

function notThere(): SluiceError {
  return new SluiceError("not_found", "There is no such thread.");
}

/** Returns a page of threads of one agent. Archived threads are left out, unless the query includes them. */
async function page(visitor: Visitor, query: z.infer<typeof copilotListQuery>) {
  const { agentId, limit, cursor, includeArchived } = query;
  const fits = ({ agent, archived }: VisibleThread) =>
    (agentId === undefined || agent === agentId) && (includeArchived === "true" || !archived);
  const threads: object[] = [];
  let before = cursor;
  for (let lookedAt = 0; lookedAt < MAX_LOOKED_AT; lookedAt += 100) {
    const found = await visitor.list(100, before);
    for (const thread of found.threads) {
      if (fits(thread)) threads.push(toRecord(thread));
      if (threads.length === limit) return { threads, nextCursor: formatPlace(thread) };
    }
    before = found.next;
    if (before === undefined) break;
  }
  return { threads, nextCursor: before ?? null };
}

function toRecord({ threadId: id, agent: agentId, title, archived, createdAt, updatedAt }: VisibleThread) {
  return {
    id,
    organizationId: "",
    agentId,
    createdById: "",
    name: title || null,
    archived,
    createdAt: new Date(createdAt).toISOString(),
    updatedAt: new Date(updatedAt).toISOString(),
    lastRunAt: new Date(updatedAt).toISOString(),
  };
}

/** A message as CopilotKit's inspector reads it. */
function toInspected(message: Message): object {
  const { id, role } = message;
  const content = message.content === undefined ? {} : { content: message.content };
  const calls = role === "assistant" ? (message.toolCalls ?? []) : [];
  const toolCalls = calls.map(({ id, function: { name, arguments: args } }) => ({ id, name, args }));
  return {
    id,
    role,
    ...content,
    ...(toolCalls.length > 0 ? { toolCalls } : {}),
    ...(role === "tool" ? { toolCallId: message.toolCallId } : {}),
  };
}
