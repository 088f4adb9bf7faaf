/** The values of a thread's state, and the questions of a graph, in LangGraph's form. Pure. */
import type { Interrupt, Message } from "../../protocol/events.ts";
import { isRecord } from "../../protocol/input.ts";
import type { JsonValue } from "../../protocol/json.ts";
import { toLangGraphMessages } from "./messages.ts";

/** The values of a thread: its transcript, and the keys of the state that its agent exposes. */
export function valuesOf(thread: { readonly messages: readonly Message[]; readonly state: JsonValue | undefined }) {
  const { messages, state } = thread;
  return { ...(isRecord(state) ? state : {}), messages: toLangGraphMessages(messages) };
}

/** The questions of a graph, in LangGraph's form. */
export function toInterrupts(interrupts: readonly Interrupt[]): { readonly id: string; readonly value: unknown }[] {
  return interrupts.map(({ id, metadata, message }) => ({
    id,
    value: isRecord(metadata) && "value" in metadata ? metadata.value : message,
  }));
}

export function asked(interrupts: readonly Interrupt[]): object {
  return interrupts.length > 0 ? { __interrupt__: toInterrupts(interrupts) } : {};
}
