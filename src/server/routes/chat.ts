/** `POST /chat`: takes one message, and returns the whole answer. */
import { randomUUID } from "node:crypto";
import { Router } from "express";
import { checkId } from "../../protocol/ids.ts";
import { chatBody, parseWith } from "../../protocol/input.ts";
import { chatAnswer, readResult } from "../result.ts";
import type { ServerOptions } from "../server-options.ts";
import { jsonBody } from "./json-body.ts";
import { whileOpen } from "./while-open.ts";

export function chatRoutes({ door }: Pick<ServerOptions, "door">): Router {
  const router = Router();
  router.post("/chat", async (request, response) => {
    const { message, threadId = randomUUID(), agent } = parseWith(chatBody, jsonBody(request), "body");
    const input = {
      threadId: checkId("threadId", threadId),
      runId: randomUUID(),
      messages: [{ id: randomUUID(), role: "user" as const, content: message }],
      tools: [],
      context: [],
    };
    await whileOpen(response, async (signal) => {
      const visitor = door.visitorOf(request);
      const run = await visitor.start({ agent, input, signal });
      const leave = run.thread.follow();
      try {
        const result = await readResult(visitor.log, run, signal);
        if (result) response.json(chatAnswer(result));
      } finally {
        leave();
      }
    });
  });
  return router;
}
