/** The commands of LangGraph's Agent Streaming Protocol, over HTTP and over a WebSocket. */
import { z } from "zod";
import { type ErrorCode, SluiceError } from "../../protocol/errors.ts";
import { fromCommand } from "../../protocol/injected.ts";
import { parseWith } from "../../protocol/input.ts";
import type { Visitor } from "../../runs/visitor.ts";
import { startRun } from "./start.ts";
import { valuesOf } from "./values.ts";

export const protocolCommand = z.object({
  id: z.number().int().min(0),
  method: z.string(),
  params: z.record(z.string(), z.unknown()).default({}),
});

export type ProtocolCommand = z.infer<typeof protocolCommand>;

/** @throws SluiceError `bad_request` */
export function parseProtocolCommand(value: unknown, where: string): ProtocolCommand {
  return parseWith(protocolCommand, value, where);
}

/** Makes the answer to a command that succeeded. */
export function success({ id }: Pick<ProtocolCommand, "id">, result: object): object {
  return { type: "success", id, result };
}

export function failure(id: number | null, { code, message }: SluiceError): object {
  return { type: "error", id, error: PROTOCOL_CODES[code] ?? "unknown_error", code, message };
}

/** The protocol's own words for errors. */
const PROTOCOL_CODES: Partial<Record<ErrorCode, string>> = {
  bad_request: "invalid_argument",
  forbidden: "invalid_argument",
  not_implemented: "unknown_command",
};

/** Carries out a command that any transport can bring, and gives its result. */
export async function perform(
  visitor: Visitor,
  threadId: string,
  { method, params }: Pick<ProtocolCommand, "method" | "params">,
): Promise<object> {
  switch (method) {
    case "run.start": {
      const { multitaskStrategy, multitask_strategy = multitaskStrategy, ...body } = params;
      // The client reads the thread's events, and may reconnect.
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
        "method: Sluice knows run.start, input.respond, input.inject and state.get; a WebSocket also takes subscription.subscribe and subscription.unsubscribe.",
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

/** Answers one interrupt, or several at once. All open interrupts have to be answered. */
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
