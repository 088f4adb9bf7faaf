/**
 * Answers GET requests of TanStack AI's clients, at the address that they post to: with `threadId` the thread's
 * messages, with `runId` too the events of a run.
 */
import type { Request, Response } from "express";
import { z } from "zod";
import { cursorOf } from "../../protocol/cursor.ts";
import { SluiceError } from "../../protocol/errors.ts";
import { checkId } from "../../protocol/ids.ts";
import { parseWith } from "../../protocol/input.ts";
import type { VisitedThread } from "../../runs/visited-thread.ts";
import { parseNarrowing } from "../narrowing.ts";
import { sendEvents } from "../routes/send-events.ts";
import { whileOpen } from "../routes/while-open.ts";
import type { ServerOptions } from "../server-options.ts";
import { Subscription } from "../subscription.ts";
import { toTanStackMessages } from "./ui-messages.ts";

/** `offset`: the client reads on after it; `-1` stands for the start. */
export const hydrationQuery = z.object({
  threadId: z.string({ error: "name the thread: put ?threadId= into the address that the client is given" }),
  runId: z.string().optional(),
  offset: z.string().optional(),
});

export async function hydrate(options: ServerOptions, request: Request<object>, response: Response): Promise<void> {
  const { threadId, runId, offset } = parseWith(hydrationQuery, request.query, "query");
  const visitor = options.door.visitorOf(request);
  visitor.need("watch");
  const thread = await visitor.thread(threadId);
  if (runId === undefined) {
    response.json(await standing(thread));
    return;
  }
  const run = await thread.run(checkId("runId", runId));
  if (!run) throw new SluiceError("not_found", "There is no such run on this thread.");
  const last = request.headers["last-event-id"] ?? (offset === "-1" ? undefined : offset);
  const after = last === undefined ? undefined : cursorOf("Last-Event-ID", String(last));
  const narrowing = parseNarrowing({ protocol: "1.0" });
  await whileOpen(response, (signal) =>
    sendEvents(options, request, response, { narrowing, signal }, (reader) => Subscription.ofRun(reader, run, after)),
  );
}

/** An answer that is under way is left out: its run has all of it. */
async function standing(thread: VisitedThread): Promise<object> {
  const { messages, interrupts, active } = await thread.snapshot();
  const [last] = await thread.runs();
  const sent = active ? messages.slice(0, messages.findLastIndex(({ role }) => role === "user") + 1) : messages;
  return {
    messages: toTanStackMessages(sent),
    activeRun: active ? { runId: active.runId } : null,
    interrupts: interrupts.length > 0 && last ? { runId: last.runId, pending: interrupts } : null,
    page: { truncated: false },
  };
}
