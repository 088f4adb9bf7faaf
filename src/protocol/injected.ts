/** Messages that clients send into a run that is active. */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { SluiceError } from "./errors.ts";
import { type AguiEvent, EventType } from "./events.ts";
import { checkId } from "./ids.ts";
import { isRecord } from "./input.ts";

/** A user's message. It is only text, because the events of a message carry nothing else. */
export interface InjectedMessage {
  readonly id: string;
  readonly role: "user";
  readonly content: string;
}

/**
 * `waiting`: the run has not taken it yet. `taken`: it is a message of the thread. `returned`: the run ended without
 * it, and nothing keeps it.
 */
export type InjectedState = "waiting" | "taken" | "returned";

/** The state of a message that has not been returned. */
export interface KeptState {
  readonly messageId: string;
  readonly state: Exclude<InjectedState, "returned">;
}

/** The name of the `CUSTOM` event that reports the state of a message. */
export const INJECTED = "sluice.injected";

/** The value of such an event. */
export interface InjectedReport {
  readonly messageId: string;
  readonly state: InjectedState;
  /** Its text, unless it is taken: then the events of the message have it. */
  readonly content?: string;
}

export function reportOf(value: InjectedReport): AguiEvent {
  return { type: EventType.CUSTOM, name: INJECTED, value };
}

/** The events that bring a person's message in the middle of a run. */
export function eventsOf({ id: messageId, role, content: delta }: InjectedMessage): AguiEvent[] {
  return [
    { type: EventType.TEXT_MESSAGE_START, messageId, role },
    { type: EventType.TEXT_MESSAGE_CONTENT, messageId, delta },
    { type: EventType.TEXT_MESSAGE_END, messageId },
  ];
}

/** The most bytes of text in one message. */
export const MAX_INJECTED_BYTES = 65_536;

/** The most messages that wait for one run. */
export const MAX_INJECTED_WAITING = 16;

/** The most messages that may be sent to one run. */
export const MAX_INJECTED = 256;

/** A message in a command: its text, or the whole message. One without an `id` gets a new one. */
export const injected = z.union([z.string(), z.object({ id: z.string().optional(), content: z.string() })], {
  error: 'must be a text, or an object like {"id": "m2", "content": "Use euros"}',
});

/** The message that a command brings. */
export function fromCommand(sent: z.infer<typeof injected>): InjectedMessage {
  const { id = randomUUID(), content } = typeof sent === "string" ? { content: sent } : sent;
  return toInjected({ id, role: "user", content });
}

/**
 * A client's message as a run can take it.
 * @throws SluiceError `bad_request` when it is no user's message of text, `payload_too_large`.
 */
export function toInjected({ id, role, content: sent }: Sent): InjectedMessage {
  if (role !== "user") throw new SluiceError("bad_request", "message.role: must be user.");
  const content = textOf(sent)?.toWellFormed();
  if (content === undefined) throw new SluiceError("bad_request", ONLY_TEXT);
  if (content === "") throw new SluiceError("bad_request", "message.content: must not be empty.");
  const bytes = Buffer.byteLength(content);
  if (bytes > MAX_INJECTED_BYTES) {
    const sentence = `message.content: has ${bytes} bytes; a run takes at most ${MAX_INJECTED_BYTES}.`;
    throw new SluiceError("payload_too_large", sentence);
  }
  return { id: checkId("message.id", id), role, content };
}

interface Sent {
  readonly id: string;
  readonly role: string;
  readonly content?: unknown;
}

const ONLY_TEXT = "message.content: an active run takes text only. Send files with the next run.";

/** Returns the text of a message that contains only text. */
function textOf(content: unknown): string | undefined {
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) return undefined;
  const texts = content.map((part: unknown) => (isRecord(part) && part.type === "text" ? part.text : undefined));
  return texts.every((text) => typeof text === "string") ? texts.join("\n") : undefined;
}
