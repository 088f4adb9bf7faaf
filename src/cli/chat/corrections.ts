/** Corrects the messages that a user was shown: a snapshot in the middle of a run may take messages back. */
import type { Message } from "../../protocol/events.ts";
import type { Part } from "./parts.ts";
import { oneLine } from "./printable.ts";

export interface ShownResult {
  readonly name: string;
  readonly args: string;
  readonly text: string;
  readonly failed: boolean;
}

export interface Shown {
  /** Texts by the id of their message. */
  readonly answers: readonly (readonly [id: string, text: string])[];
  /** Results by the id of their call. */
  readonly results: readonly (readonly [id: string, result: ShownResult])[];
}

/** The most characters of a taken-back text that are shown again. */
const NAMED = 60;

/** The parts that correct what was shown. */
export function correctionsIn(messages: readonly Message[], { answers, results }: Shown): Part[] {
  const texts = new Map(messages.flatMap((one) => (one.role === "assistant" ? [[one.id, one.content ?? ""]] : [])));
  const contents = new Map(messages.flatMap((one) => (one.role === "tool" ? [[one.toolCallId, one.content]] : [])));
  const parts: Part[] = [];
  for (const [id, said] of answers) {
    const text = texts.get(id);
    if (text === said || isReasoning(id)) continue;
    parts.push(text ? { kind: "answer", id, text } : { kind: "taken back", id, text: oneLine(said, NAMED) });
  }
  for (const [id, shown] of results) {
    if (!contents.has(id)) continue;
    const text = oneLine(plain(contents.get(id)));
    if (text !== shown.text) parts.push({ kind: "result", id, ...shown, text, ms: undefined });
  }
  return parts;
}

/** The id of reasoning is made from its message's id. Reasoning is in no assistant message. */
function isReasoning(id: string): boolean {
  return /-reasoning(-\d+)?$/.test(id);
}

export function plain(content: unknown): string {
  return typeof content === "string" ? content : (JSON.stringify(content) ?? "");
}
