/** Checks the events that show where a thread stands: to a late reader, and after a gap. */
import type { Report } from "./findings.ts";
import { eventOf } from "./producer.ts";
import type { RequirementId } from "./requirements.ts";
import { Sequence } from "./sequence.ts";

interface KeptMessage {
  readonly id: string;
  readonly role: string;
  readonly content?: unknown;
}

/** Reports what is wrong with them as a problem of the requirement `id`. Returns the thread's messages. */
export function judgeStanding(
  events: readonly { readonly json: string }[],
  id: RequirementId,
  report: Report,
): readonly KeptMessage[] {
  const sequence = new Sequence();
  for (const { json } of events) sequence.push(json);
  sequence.end();
  for (const { what } of sequence.problems) report(id, what);
  const snapshot = events.map(({ json }) => eventOf(json)).find(({ type }) => type === "MESSAGES_SNAPSHOT");
  if (!snapshot) report(id, "the sequence has no MESSAGES_SNAPSHOT");
  return (snapshot?.messages ?? []) as KeptMessage[];
}
