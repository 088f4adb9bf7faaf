/** What must hold before a run may start, and what of a client's input is news to its thread. */
import { createHash } from "node:crypto";
import type { ServedAgent } from "../graph/registry.ts";
import type { GraphInput } from "../graph/source.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Interrupt, Message, ResumeEntry, RunAgentInput } from "../protocol/events.ts";
import type { ThreadRecord } from "../store/store.ts";

/** A digest of what starts a run: the same again attaches, anything else under the same runId is a conflict. */
export function bodyHash(agent: string, input: RunAgentInput): string {
  return createHash("sha256")
    .update(JSON.stringify([agent, input]))
    .digest("base64url");
}

/** The messages of a client's history that its thread does not know. Clients send all of it, every turn. */
export function freshMessages(input: RunAgentInput, history: readonly Message[]): Message[] {
  const known = new Set(history.map((message) => message.id));
  return input.messages.filter((message) => !known.has(message.id));
}

/**
 * What to feed the graph.
 * @throws SluiceError `interrupt_pending` when the thread waits for answers that are not all there,
 * `bad_request` when answers come that nobody waits for.
 */
export function graphInput(
  agent: ServedAgent,
  input: RunAgentInput,
  thread: ThreadRecord | undefined,
  fresh: readonly Message[],
): GraphInput {
  const open = thread?.interrupts ?? [];
  const resume = input.resume ?? [];
  if (open.length > 0) return { kind: "resume", answers: answersTo(open, resume) };
  if (resume.length > 0) {
    throw new SluiceError("bad_request", "The field resume answers interrupts, but this thread waits for none.");
  }
  // A graph that keeps its threads is told the news; one that does not is told everything.
  const messages = agent.graph.checkpointer ? fresh : [...(thread?.messages ?? []), ...fresh];
  return { kind: "messages", messages };
}

function answersTo(open: readonly Interrupt[], resume: readonly ResumeEntry[]): Record<string, unknown> {
  const answers = new Map(resume.map((entry) => [entry.interruptId, answer(entry)]));
  const missing = open.filter(({ id }) => !answers.has(id));
  if (missing.length > 0) {
    throw new SluiceError(
      "interrupt_pending",
      `The thread waits for answers to: ${missing.map(({ id }) => id).join(", ")}. Send them in the field resume.`,
      { details: { interrupts: open } },
    );
  }
  return Object.fromEntries(open.map(({ id }) => [id, answers.get(id)]));
}

/** A cancelled entry reaches the graph as a value it can tell apart. (Source: `@ag-ui/langgraph`'s convention.) */
function answer(entry: ResumeEntry): unknown {
  return entry.status === "cancelled" ? { __agui_cancelled__: true } : (entry.payload ?? null);
}
