/** Opens spans that are still open again, for a late reader, with their content so far. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import { type Owner, ownerIn } from "./draft.ts";

export interface OpenText extends Owner {
  readonly id: string;
  readonly role: "assistant" | "user";
  readonly content: string;
  readonly name?: string | undefined;
}

export function reopenedText({ id: messageId, role, content: delta, name, ...owner }: OpenText): AguiEvent[] {
  const named = { ...(name === undefined ? {} : { name }), ...ownerIn(owner) };
  return [
    { type: EventType.TEXT_MESSAGE_START, messageId, role, ...named },
    ...(delta ? [{ type: EventType.TEXT_MESSAGE_CONTENT as const, messageId, delta }] : []),
  ];
}

export interface OpenReasoning extends Owner {
  readonly id: string;
  readonly content: string;
  readonly encryptedValue?: string | undefined;
}

/** `part`: the text so far of the message inside the reasoning, after it has begun. */
export function reopenedReasoning(
  { id: messageId, content: delta, encryptedValue, ...owner }: OpenReasoning,
  part: "open" | "closed" | undefined,
): AguiEvent[] {
  const events: AguiEvent[] = [{ type: EventType.REASONING_START, messageId, ...ownerIn(owner) }];
  if (!part) return events;
  events.push({ type: EventType.REASONING_MESSAGE_START, messageId, role: "reasoning", ...ownerIn(owner) });
  if (delta) events.push({ type: EventType.REASONING_MESSAGE_CONTENT, messageId, delta });
  if (part === "closed") events.push({ type: EventType.REASONING_MESSAGE_END, messageId });
  if (encryptedValue !== undefined) {
    events.push({ type: EventType.REASONING_ENCRYPTED_VALUE, subtype: "message", entityId: messageId, encryptedValue });
  }
  return events;
}
