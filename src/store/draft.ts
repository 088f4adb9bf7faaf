/** A message of a transcript that may still grow. */
import type { AssistantMessage, Message } from "../protocol/events.ts";

export interface Draft {
  readonly message: Message;
  /** Its text or reasoning is open: it can still grow. */
  open: boolean;
  /** The id that its text was announced with. */
  readonly announced: string;
}

/** The subagent that something is of; nothing for the served graph itself. */
export interface Owner {
  readonly subagentRunId?: string;
}

export function ownerIn({ subagentRunId }: { readonly subagentRunId?: string | undefined }): Owner {
  return subagentRunId === undefined ? {} : { subagentRunId };
}

/** A user's message that is plain text. */
export type SentMessage = Message & { readonly role: "user"; content: string };

export function isSent(draft: Draft): draft is Draft & { readonly message: SentMessage } {
  return draft.message.role === "user" && typeof draft.message.content === "string";
}

export function isAssistant(draft: Draft): draft is Draft & { readonly message: AssistantMessage } {
  return draft.message.role === "assistant";
}

/** Copies a message: drafts grow in place, but a message that was returned must not change. */
export function copy(message: Message): Message {
  return structuredClone(message);
}
