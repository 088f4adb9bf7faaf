/** Threads as LangGraph's API lists and shows them. */
import { randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { type Request, Router } from "express";
import { z } from "zod";
import type { Registry } from "../../graph/registry.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId } from "../../protocol/ids.ts";
import { parseWith } from "../../protocol/input.ts";
import type { Point } from "../../runs/points.ts";
import type { VisitedThread } from "../../runs/visited-thread.ts";
import type { VisibleThread, Visitor } from "../../runs/visitor.ts";
import { jsonBody } from "../routes/json-body.ts";
import type { ServerOptions } from "../server-options.ts";
import { checkpointAfter, NO_CHECKPOINT } from "./checkpoint.ts";
import {
  metadataOf,
  newThread,
  type ThreadState,
  toEarlierState,
  toState,
  toThread,
  toThreadStatus,
} from "./records.ts";

const createBody = z.object({ thread_id: z.string().nullish(), supersteps: z.array(z.unknown()).max(0).nullish() });

const searchBody = z.object({
  metadata: z.record(z.string(), z.unknown()).nullish(),
  ids: z.array(z.string()).nullish(),
  status: z.enum(["idle", "busy", "interrupted", "error"]).nullish(),
  limit: z.number().int().min(1).max(1_000).default(10),
  offset: z.number().int().min(0).default(0),
  select: z.array(z.string()).nullish(),
});

type Search = z.infer<typeof searchBody>;

const checkpoint = z.object({ checkpoint_id: z.string().nullish(), checkpoint_ns: z.string().nullish() }).nullish();

const checkpointBody = z.object({ checkpoint });

const historyBody = z.object({
  limit: z.number().int().min(1).default(10),
  before: z.object({ configurable: z.object({ checkpoint_id: z.string().optional() }).optional() }).nullish(),
  checkpoint,
  metadata: z.record(z.string(), z.unknown()).nullish(),
});

/** The messages in all states of one answer. Each state repeats the messages of the state before it. */
const MAX_HISTORY = 20_000;

/** The threads that a search looks at, the last used first. */
const MAX_SEARCHED = 1_000;

export function threadRoutes({ door, registry }: Pick<ServerOptions, "door" | "registry">): Router {
  const router = Router();
  const visitorOf = (request: Request<object>) => door.visitorOf(request);
  const threadOf = (request: Request<{ threadId: string }>) =>
    visitorOf(request).thread(checkId("thread_id", request.params.threadId));

  // A thread begins with its first run: until then there is nothing to keep.
  router.post("/threads", (request, response) => {
    const { thread_id: id } = parseWith(createBody, jsonBody(request), "body");
    visitorOf(request).need("run");
    response.json(newThread(checkId("thread_id", id ?? randomUUID()), Date.now()));
  });
  router.post("/threads/search", async (request, response) => {
    const search = parseWith(searchBody, jsonBody(request), "body");
    response.json(await found(visitorOf(request), search));
  });
  router.get("/threads/:threadId", async (request, response) => {
    const thread = await threadOf(request);
    response.json(toThread(await listed(thread), await thread.snapshot()));
  });
  router.delete("/threads/:threadId", async (request, response) => {
    if (!(await (await threadOf(request)).delete())) throw new SluiceError("not_found", "There is no such thread.");
    response.status(204).end();
  });
  router.get("/threads/:threadId/state", async (request, response) => {
    response.json(await stateAt(await threadOf(request), registry));
  });
  router.get("/threads/:threadId/state/:checkpoint", async (request, response) => {
    response.json(await stateAt(await threadOf(request), registry, request.params.checkpoint));
  });
  router.post("/threads/:threadId/state", () => {
    throw new SluiceError("not_implemented", "A thread's state is changed by its runs: send input, or command.update.");
  });
  router.post("/threads/:threadId/state/checkpoint", async (request, response) => {
    const { checkpoint } = parseWith(checkpointBody, jsonBody(request), "body");
    if (isOfInnerGraph(checkpoint)) throw new SluiceError("not_found", NO_CHECKPOINT);
    response.json(await stateAt(await threadOf(request), registry, checkpoint?.checkpoint_id));
  });
  router.post("/threads/:threadId/history", async (request, response) => {
    const { before, checkpoint, limit, metadata } = parseWith(historyBody, jsonBody(request), "body");
    const thread = await threadOf(request);
    const isKnown = !isOfInnerGraph(checkpoint) && (await thread.listed()) !== undefined;
    const moments = isKnown ? await momentsOf(thread, registry) : [];
    const wanted = checkpoint?.checkpoint_id ? moments.filter(isAt(thread, checkpoint.checkpoint_id)) : moments;
    const rest = earlierThan(before?.configurable?.checkpoint_id, wanted, thread);
    const found = rest.filter(hasMetadata(metadata ?? {}));
    response.json(withoutTooMuch(found.slice(0, limit)).map((moment) => moment.state()));
  });
  return router;
}

/** A moment of a thread. Its state has all messages before it, so only the states that a client gets are made. */
interface Moment {
  /** The last message before it. */
  readonly after: string | undefined;
  /** The number of messages before it. */
  readonly length: number;
  readonly metadata: ThreadState["metadata"];
  state(): ThreadState;
}

/**
 * The present of a thread, and before it the points that a run may go back to, if the thread's agent accepts that. The
 * latest comes first.
 */
async function momentsOf(thread: VisitedThread, { all }: Registry): Promise<[Moment, ...Moment[]]> {
  const { threadId } = thread;
  const [listed, snapshot] = await Promise.all([thread.listed(), thread.snapshot()]);
  const present = (before?: Point): Moment => ({
    after: snapshot.messages.at(-1)?.id,
    length: snapshot.messages.length,
    metadata: metadataOf(listed, snapshot),
    state: () => toState(threadId, listed, snapshot, before),
  });
  const goesBack = listed && all.some(({ name, accepts }) => name === listed.agent && accepts.includes("checkpoint"));
  if (!goesBack) return [present()];
  const { points, messages } = await thread.points();
  const past = points.filter(({ after }) => after !== snapshot.messages.at(-1)?.id);
  const earlier = past.map((point, index) => ({
    ...point,
    metadata: metadataOf(listed),
    state: () => toEarlierState(threadId, listed, messages.slice(0, point.length), point, past[index + 1]),
  }));
  return [present(past[0]), ...earlier];
}

/** The first of these moments, until their states have too many messages. There is always one. */
function withoutTooMuch(moments: readonly Moment[]): readonly Moment[] {
  let messages = 0;
  return moments.filter(({ length }, index) => {
    messages += length;
    return index === 0 || messages <= MAX_HISTORY;
  });
}

/** The moments that are earlier than a checkpoint. LangGraph's server, too, has a list for one that it does not know. */
function earlierThan(
  checkpoint: string | undefined,
  moments: readonly Moment[],
  thread: VisitedThread,
): readonly Moment[] {
  if (checkpoint === undefined) return moments;
  const at = moments.findIndex(isAt(thread, checkpoint));
  return at < 0 ? [] : moments.slice(at + 1);
}

/** Clients see no states of the graphs inside a graph. */
function isOfInnerGraph(checkpoint: z.infer<typeof checkpointBody>["checkpoint"]): boolean {
  return Boolean(checkpoint?.checkpoint_ns);
}

function isAt({ threadId }: VisitedThread, checkpoint: string | undefined): (moment: Moment) => boolean {
  return ({ after }) => checkpointAfter(threadId, after).checkpoint_id === checkpoint;
}

function hasMetadata(wanted: Readonly<Record<string, unknown>>): (moment: Moment) => boolean {
  const all = Object.entries(wanted);
  return ({ metadata }) => all.every(([name, value]) => isDeepStrictEqual(value, metadata[name]));
}

/** @throws SluiceError `not_found` when clients see no such checkpoint. */
async function stateAt(thread: VisitedThread, registry: Registry, checkpoint?: string | null): Promise<ThreadState> {
  const moments = await momentsOf(thread, registry);
  const state = (checkpoint ? moments.find(isAt(thread, checkpoint)) : moments[0])?.state();
  if (state && (!checkpoint || state.checkpoint)) return state;
  throw new SluiceError("not_found", NO_CHECKPOINT);
}

async function listed(thread: VisitedThread): Promise<VisibleThread> {
  const known = await thread.listed();
  if (!known) throw new SluiceError("not_found", "There is no such thread.");
  return known;
}

/** Threads can be searched for by agent, id and status. A search for anything else finds none. */
async function found(visitor: Visitor, { metadata, ids, status, limit, offset, select }: Search): Promise<object[]> {
  const { graph_id: graph, assistant_id: assistant, ...others } = metadata ?? {};
  if (Object.keys(others).length > 0) return [];
  const agents = [graph, assistant].filter((name) => name !== undefined);
  const fits = (thread: VisibleThread) =>
    agents.every((name) => name === thread.agent) &&
    (!ids || ids.includes(thread.threadId)) &&
    (!status || status === toThreadStatus(thread));
  const threads: VisibleThread[] = [];
  let before: string | undefined;
  for (let searched = 0; searched < MAX_SEARCHED && threads.length < offset + limit; searched += 100) {
    const page = await visitor.list(100, before);
    threads.push(...page.threads.filter(fits));
    before = page.next;
    if (before === undefined) break;
  }
  const values = !select || select.includes("values") || select.includes("interrupts");
  return Promise.all(
    threads.slice(offset, offset + limit).map(async (thread) => {
      return toThread(thread, values ? await (await visitor.thread(thread.threadId)).snapshot() : undefined);
    }),
  );
}
