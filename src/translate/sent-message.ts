/** One message that was sent, with the facts that identify it in the graph's state. */
import type { Message } from "../protocol/events.ts";
import type { MessageLike } from "./content.ts";
import type { CallIdPair, HeldMessage } from "./held-message.ts";

export interface NewSent {
  /** The id that clients know it by. */
  readonly id: string;
  readonly role: Message["role"];
  /** The execution of the node that sent it. */
  readonly place: string;
  /** The message as clients were sent it. */
  readonly held: () => HeldMessage;
  readonly calls?: () => readonly CallIdPair[];
  /** Ids of its reasoning. */
  readonly thoughts?: () => readonly string[];
  /** The call that it answers, if it is a tool's result. */
  readonly answers?: string | undefined;
  /** It is a tool's error. The graph's own message may word the error differently. */
  readonly thrown?: boolean;
  /** It is the answer of a model call of this run. */
  readonly ofModel?: boolean;
  /** The node that sent it has ended. */
  readonly settled?: boolean;
  /** LangChain's own object. */
  readonly source?: MessageLike | undefined;
}

export interface Sent extends NewSent {
  held: () => HeldMessage;
  calls?: () => readonly CallIdPair[];
  settled: boolean;
  /** The model call failed in the middle of it. */
  half: boolean;
  readonly sources: MessageLike[];
}

/** The calls in it. */
export function callsOf(message: HeldMessage): readonly string[] {
  return message.role === "assistant" ? (message.toolCalls ?? []).map(({ id }) => id) : [];
}
