/** Runs as LangGraph's API starts, follows and ends them. Each is a run like any other, with clients of all kinds. */
import { randomUUID } from "node:crypto";
import { type Request, type Response, Router } from "express";
import { z } from "zod";
import type { ServedAgent } from "../../graph/registry.ts";
import { parseCursor } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId } from "../../protocol/ids.ts";
import { parseWith } from "../../protocol/input.ts";
import type { VisitedRun } from "../../runs/visited-thread.ts";
import { catchUpAgui } from "../catch-up.ts";
import { parseNarrowing } from "../narrowing.ts";
import { type Peer, READY } from "../peer.ts";
import { jsonBody } from "../routes/json-body.ts";
import { sendEvents } from "../routes/send-events.ts";
import { whileOpen } from "../routes/while-open.ts";
import type { ServerOptions } from "../server-options.ts";
import { Subscription } from "../subscription.ts";
import { runFormat, silentFormat } from "./format.ts";
import { RunProjection } from "./projection.ts";
import { toRun, toStatus } from "./records.ts";
import { type RunWishes, type StreamMode, streamModes } from "./request.ts";
import { type StartMore, startRun } from "./start.ts";

const listQuery = z.object({
  limit: z.coerce.number().int().min(1).max(1_000).default(10),
  offset: z.coerce.number().int().min(0).default(0),
  status: z.string().optional(),
});

const joinQuery = z.object({ stream_mode: streamModes });

/** The modes of a client that joins a run and names none. */
const ALL_MODES: readonly StreamMode[] = ["values", "updates", "messages-tuple", "custom"];

export function runRoutes(options: ServerOptions): Router {
  const router = Router();

  // A run without a thread gets a thread of its own, which is deleted after the run.
  router.post("/runs/stream", (request, response) =>
    alone(options, request, response, (started) => stream(options, request, response, started)),
  );
  router.post("/runs/wait", (request, response) =>
    alone(options, request, response, ({ run, signal }) => answer(run, options, request, response, signal)),
  );

  router.post("/threads/:threadId/runs/stream", (request, response) =>
    whileOpen(response, async (signal) => {
      const { run, wishes } = await start(options, request, request.params.threadId, { signal });
      await stream(options, request, response, { run, wishes, signal });
    }),
  );
  router.post("/threads/:threadId/runs/wait", (request, response) =>
    whileOpen(response, async (signal) => {
      const { run } = await start(options, request, request.params.threadId, { signal });
      await answer(run, options, request, response, signal);
    }),
  );
  router.post("/threads/:threadId/runs", async (request, response) => {
    const { run } = await start(options, request, request.params.threadId, { background: true });
    response.set("Content-Location", pathOf(run)).json(toRun(run.threadId, await summaryOf(run)));
  });

  router.get("/threads/:threadId/runs", async (request, response) => {
    const { limit, offset, status } = parseWith(listQuery, request.query, "query");
    const thread = await threadOf(options, request);
    const runs = (await thread.runs()).filter((run) => status === undefined || toStatus(run) === status);
    response.json(runs.slice(offset, offset + limit).map((run) => toRun(thread.threadId, run)));
  });
  router.get("/threads/:threadId/runs/:runId", async (request, response) => {
    const run = await runOf(options, request);
    response.json(toRun(run.threadId, await summaryOf(run)));
  });
  router.get("/threads/:threadId/runs/:runId/join", (request, response) =>
    whileOpen(response, async (signal) => answer(await runOf(options, request), options, request, response, signal)),
  );
  router.get("/threads/:threadId/runs/:runId/stream", (request, response) =>
    whileOpen(response, async (signal) => {
      const { stream_mode: named } = parseWith(joinQuery, request.query, "query");
      const modes = named.size > 0 ? named : new Set(ALL_MODES);
      await send(options, request, response, { run: await runOf(options, request), modes, signal });
    }),
  );
  router.post("/threads/:threadId/runs/:runId/cancel", async (request, response) => {
    const run = await runOf(options, request);
    if ((await run.thread.active())?.runId === run.runId) await run.thread.cancel();
    if (request.query.wait === "1" || request.query.wait === "true") {
      await whileOpen(response, (signal) => ended(run, options, request, signal));
    }
    response.status(202).json({});
  });
  return router;
}

interface Started {
  readonly run: VisitedRun;
  readonly wishes: RunWishes<ServedAgent>;
  readonly signal: AbortSignal;
}

async function start(
  { door }: ServerOptions,
  request: Request<object>,
  threadId: string,
  more: StartMore,
): Promise<Omit<Started, "signal">> {
  const visitor = door.visitorOf(request);
  return startRun(visitor, checkId("thread_id", threadId), jsonBody(request), more);
}

function alone(
  options: ServerOptions,
  request: Request,
  response: Response,
  work: (started: Started) => Promise<void>,
): Promise<void> {
  return whileOpen(response, async (signal) => {
    const { run, wishes } = await start(options, request, randomUUID(), { signal, temporary: true });
    const over = () => (wishes.keepsThread ? undefined : run.thread.deleteAfter(run.runId));
    await work({ run, wishes, signal }).finally(over);
  });
}

function stream(options: ServerOptions, request: Request<object>, response: Response, started: Started): Promise<void> {
  const { run, wishes, signal } = started;
  const { modes } = wishes;
  const query = new URLSearchParams([...modes].map((mode): [string, string] => ["stream_mode", mode]));
  // The address for reconnecting. A client that reconnects sends the id of the last event it got.
  response.set({ "Content-Location": pathOf(run), Location: `${pathOf(run)}/stream?${query}` });
  return send(options, request, response, { run, modes, signal });
}

async function send(
  options: ServerOptions,
  request: Request<object>,
  response: Response,
  { run, modes, signal }: { readonly run: VisitedRun; readonly modes: ReadonlySet<StreamMode>; signal: AbortSignal },
): Promise<void> {
  const format = runFormat(await projectionOf(run, modes));
  // Clients send "-1" and "0" for the beginning.
  const after = parseCursor(String(request.headers["last-event-id"] ?? ""));
  const reader = { narrowing: parseNarrowing({ protocol: "1.0" }), signal, format };
  await sendEvents(options, request, response, reader, (reader) => Subscription.ofRun(reader, run, after));
}

async function projectionOf(run: VisitedRun, modes: ReadonlySet<StreamMode>): Promise<RunProjection> {
  const { threadId, runId, agent, thread, over } = run;
  const history = await thread.before(runId);
  const state = agent.stateKeys.length > 0 && !over ? (await thread.snapshot()).state : undefined;
  return new RunProjection({ threadId, runId, agent: agent.name, history, state, modes });
}

/** Answers with the final values of a run, or with its error. */
async function answer(
  run: VisitedRun,
  options: ServerOptions,
  request: Request<object>,
  response: Response,
  signal: AbortSignal,
): Promise<void> {
  const projection = await ended(run, options, request, signal);
  if (!signal.aborted) response.set("Content-Location", pathOf(run)).json(projection.result);
}

/** Reads a run to its end. */
async function ended(
  run: VisitedRun,
  { door }: ServerOptions,
  request: Request<object>,
  signal: AbortSignal,
): Promise<RunProjection> {
  const projection = await projectionOf(run, new Set());
  const visitor = door.visitorOf(request);
  const narrowing = parseNarrowing({ protocol: "1.0" });
  const reader = { visitor, format: silentFormat(projection), narrowing, catchingUp: catchUpAgui, signal };
  const nobody: Peer = { send: () => READY, closed: signal };
  await (await Subscription.ofRun(reader, run, undefined)).deliver(nobody);
  return projection;
}

async function threadOf({ door }: ServerOptions, request: Request<{ threadId: string }>) {
  return door.visitorOf(request).thread(checkId("thread_id", request.params.threadId));
}

async function runOf(
  options: ServerOptions,
  request: Request<{ threadId: string; runId: string }>,
): Promise<VisitedRun> {
  const thread = await threadOf(options, request);
  const run = await thread.run(checkId("run_id", request.params.runId));
  if (!run) throw new SluiceError("not_found", "There is no such run on this thread.");
  return run;
}

async function summaryOf({ thread, runId }: VisitedRun) {
  const run = (await thread.runs()).find((summary) => summary.runId === runId);
  if (!run) throw new SluiceError("not_found", "There is no such run on this thread.");
  return run;
}

/** The run's path below the API's address: clients join the two. */
function pathOf({ threadId, runId }: VisitedRun): string {
  return `/threads/${encodeURIComponent(threadId)}/runs/${encodeURIComponent(runId)}`;
}
