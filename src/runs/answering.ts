/**
 * Answers to interrupts that come under the id of the run that asked, as CopilotKit's hooks send them. The run that
 * brings them has an id of its own, the same for the same interrupts. So a client that repeats them attaches to it.
 */
import { createHash } from "node:crypto";
import type { Interrupt, RunAgentInput } from "../protocol/events.ts";
import { canonicalJson } from "../protocol/json-text.ts";
import type { RunRecord } from "../store/store.ts";

/** The id of the run that answers these interrupts under the id of the run that asked. */
export function answeringRunId(threadId: string, askedBy: string, interruptIds: Iterable<string>): string {
  const digest = createHash("sha256").update(canonicalJson([threadId, askedBy, [...new Set(interruptIds)].sort()]));
  return digest.digest("hex").slice(0, 32);
}

/**
 * The input under the id that its run has. `known` is the run that came under the client's id before; `bodyHash` is that
 * of the input as it was sent.
 */
export function underOwnId(input: RunAgentInput, bodyHash: string, known: RunRecord | undefined): RunAgentInput {
  const resume = input.resume ?? [];
  const waits = known?.status === "interrupted" || known?.outcome === "interrupted";
  // The body that started the run attaches to that run, even if it brought answers itself.
  if (resume.length === 0 || !waits || known.bodyHash === bodyHash) return input;
  const ids = resume.map(({ interruptId }) => interruptId);
  return { ...input, runId: answeringRunId(input.threadId, input.runId, ids) };
}

/** Gives a question that is asked again an id of its own: LangGraph gives all questions of one node the same id. */
export function askedAgain(interrupt: Interrupt, answered: readonly Interrupt[]): Interrupt {
  const before = answered.map(({ id }) => id).find((id) => graphInterruptId(id) === interrupt.id);
  if (before === undefined) return interrupt;
  const times = Number(REPEATED.exec(before)?.[1] ?? 1);
  return { ...interrupt, id: `${interrupt.id}~${times + 1}` };
}

const REPEATED = /~(\d+)$/;

/** The id by which the graph knows an interrupt. */
export function graphInterruptId(id: string): string {
  return id.replace(REPEATED, "");
}
