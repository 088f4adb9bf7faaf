/** Threads as LangGraph's API lists and shows them. */
import { randomUUID } from "node:crypto";
import { type Request, Router } from "express";
import { z } from "zod";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId } from "../../protocol/ids.ts";
import { parseWith } from "../../protocol/input.ts";
import type { VisitedThread } from "../../runs/visited-thread.ts";
import type { VisibleThread, Visitor } from "../../runs/visitor.ts";
import { jsonBody } from "../routes/json-body.ts";
import type { ServerOptions } from "../server-options.ts";
import { newThread, toState, toThread, toThreadStatus } from "./records.ts";

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

const checkpointBody = z.object({ checkpoint: z.object({ checkpoint_id: z.string().nullish() }).nullish() });

const historyBody = z.object({ limit: z.number().int().min(1).default(10), before: z.unknown().optional() });

/** The threads that a search looks at, the last used first. */
const MAX_SEARCHED = 1_000;

export function threadRoutes({ door }: Pick<ServerOptions, "door">): Router {
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
    response.json(await stateOf(await threadOf(request)));
  });
  router.get("/threads/:threadId/state/:checkpoint", async (request, response) => {
    response.json(await stateOf(await threadOf(request), request.params.checkpoint));
  });
  router.post("/threads/:threadId/state", () => {
    throw new SluiceError("not_implemented", "A thread's state is changed by its runs: send input, or command.update.");
  });
  router.post("/threads/:threadId/state/checkpoint", async (request, response) => {
    const { checkpoint } = parseWith(checkpointBody, jsonBody(request), "body");
    response.json(await stateOf(await threadOf(request), checkpoint?.checkpoint_id));
  });
  router.post("/threads/:threadId/history", async (request, response) => {
    const { before } = parseWith(historyBody, jsonBody(request), "body");
    const thread = await threadOf(request);
    const known = before === undefined || before === null ? await thread.listed() : undefined;
    response.json(known ? [await stateOf(thread)] : []);
  });
  return router;
}

/** @throws SluiceError `not_found` when `checkpoint` is not the thread's last one. */
async function stateOf(thread: VisitedThread, checkpoint?: string | null): Promise<object> {
  const [listed, snapshot] = await Promise.all([thread.listed(), thread.snapshot()]);
  const state = toState(thread.threadId, listed, snapshot);
  if (checkpoint === undefined || checkpoint === null || checkpoint === state.checkpoint?.checkpoint_id) return state;
  throw new SluiceError("not_found", "Clients see the current state of a thread, and none of its earlier checkpoints.");
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
