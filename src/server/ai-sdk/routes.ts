/**
 * The routes for the AI SDK's `useChat` with its `DefaultChatTransport`, for stopping an answer, and for a chat's
 * history.
 */
import { randomUUID } from "node:crypto";
import { type Request, type Response, Router } from "express";
import { SluiceError } from "../../protocol/errors.ts";
import { type AguiEvent, isTerminal } from "../../protocol/events.ts";
import { checkId } from "../../protocol/ids.ts";
import { parseWith } from "../../protocol/input.ts";
import type { VisitedRun } from "../../runs/visited-thread.ts";
import type { Format } from "../formats/format.ts";
import { parseNarrowing } from "../narrowing.ts";
import { jsonBody } from "../routes/json-body.ts";
import { sendEvents } from "../routes/send-events.ts";
import { whileOpen } from "../routes/while-open.ts";
import type { ServerOptions } from "../server-options.ts";
import { sseFrame } from "../sse-peer.ts";
import { Subscription } from "../subscription.ts";
import { type AnswerOptions, AnswerProjection } from "./projection.ts";
import { chatRequest, continuedBy, toRunInput } from "./request.ts";
import { toUiMessages } from "./ui-messages.ts";

export function aiSdkRoutes(options: ServerOptions): Router {
  const { door } = options;
  const router = Router();
  const threadOf = (request: Request<{ id: string }>) =>
    door.visitorOf(request).thread(checkId("id", request.params.id));

  router.post("/chat", (request, response) =>
    whileOpen(response, async (signal) => {
      const visitor = door.visitorOf(request);
      const chat = parseWith(chatRequest, jsonBody(request), "body");
      const { agent: asks, interrupts } = await (await visitor.thread(checkId("id", chat.id))).waiting();
      const input = toRunInput(chat, interrupts, randomUUID());
      const agent = chat.agent ?? (input.resume ? asks : undefined);
      const run = await visitor.start({ agent, input, signal });
      const ids = new Set(input.resume?.map(({ interruptId }) => interruptId));
      const answered = interrupts.filter(({ id }) => ids.has(id));
      await send(options, request, response, { run, signal, continued: continuedBy(chat), answered });
    }),
  );

  // Sends the active run from its beginning, because a client that reconnects builds its answer again.
  router.get("/chat/:id/stream", (request, response) =>
    whileOpen(response, async (signal) => {
      door.visitorOf(request).need("watch");
      const thread = await threadOf(request);
      const active = await thread.active();
      const run = active && (await thread.run(active.runId));
      if (!run) {
        response.status(204).end();
        return;
      }
      await send(options, request, response, { run, signal });
    }),
  );

  router.post("/chat/:id/stop", async (request, response) => {
    if (!(await (await threadOf(request)).cancel()))
      throw new SluiceError("not_found", "There is no active run in this chat.");
    response.json({ stopped: true });
  });

  // An answer that is under way is left out: the stream above has all of it.
  router.get("/chat/:id", async (request, response) => {
    const thread = await threadOf(request);
    const { messages, state, interrupts, active } = await thread.snapshot();
    const shown = active ? messages.slice(0, messages.findLastIndex(({ role }) => role === "user") + 1) : messages;
    response.json({
      id: thread.threadId,
      messages: toUiMessages(shown, interrupts),
      active: active !== undefined,
      ...(state === undefined ? {} : { state }),
    });
  });
  return router;
}

interface Sending extends Pick<AnswerOptions, "continued" | "answered"> {
  readonly run: VisitedRun;
  readonly signal: AbortSignal;
}

async function send(
  options: ServerOptions,
  request: Request<object>,
  response: Response,
  { run, signal, ...more }: Sending,
): Promise<void> {
  const { runId, thread } = run;
  const narrowing = parseNarrowing({ ...request.query, protocol: "1.0" });
  const format = chatFormat(new AnswerProjection({ runId, history: await thread.before(runId), ...more }));
  response.set("x-vercel-ai-ui-message-stream", "v1");
  await sendEvents(options, request, response, { narrowing, signal, format }, (reader) =>
    Subscription.ofRun(reader, run, undefined),
  );
}

function chatFormat(projection: AnswerProjection): Format {
  return {
    graph: false,
    encode({ json }) {
      const event = JSON.parse(json) as AguiEvent;
      const frames = projection.push(event).map((chunk) => sseFrame(JSON.stringify(chunk), undefined));
      return isTerminal(event.type) ? [...frames, "data: [DONE]\n\n"] : frames;
    },
  };
}
