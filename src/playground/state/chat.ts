/** A person's actions in a conversation. Everything else follows from the events. */
import { computed, signal } from "@preact/signals";
import type { ContentPart, Message, ResumeEntry } from "../../protocol/events.ts";
import { Conversation } from "../conversation/conversation.ts";
import type { UserItem } from "../conversation/items.ts";
import { lineError, requestJson } from "../transport/http.ts";
import { announcer } from "./announcer.ts";
import { draftOf, keepDraft, MESSAGE, takeDrafts } from "./drafts.ts";
import { freshId } from "./ids.ts";
import { agent, base, lastRun, threadId, transport } from "./session.ts";

/** The shortest time between two drawings of growing text, in milliseconds. */
const DRAW_EVERY_MS = 80;

export const conversation = signal(fresh());
/** A run was requested, and the server has not accepted it yet. */
export const sending = signal(false);
export const busy = computed(() => sending.value || conversation.value.run.value !== undefined);
/** The message that is being edited. */
export const editing = signal<UserItem | undefined>(undefined);

/** Begins an empty conversation, for another thread. */
export function newConversation(): void {
  rescueUnsent();
  conversation.value = fresh();
  editing.value = undefined;
}

/** Moves a message that the server never accepted back into the message box, unless the box has text. */
export function rescueUnsent(): void {
  const { unsent, injected } = conversation.peek();
  const { content } = unsent ?? injected.peek().findLast(({ state }) => state !== "waiting") ?? {};
  if (content === undefined || draftOf(MESSAGE, "").trim() !== "") return;
  keepDraft(MESSAGE, textOf(content));
}

function fresh(): Conversation {
  let due = false;
  const made: Conversation = new Conversation(
    () => {
      if (due) return;
      due = true;
      setTimeout(() => {
        due = false;
        made.flush();
      }, DRAW_EVERY_MS);
    },
    (said) => {
      if (made.known.value || made.run.value) announcer.hear(said);
    },
  );
  return made;
}

export async function send(content: UserItem["content"], id = freshId()): Promise<void> {
  const message: UserItem = { kind: "user", id, content };
  conversation.value.add(message);
  await start([asMessage(message)]);
}

/** An answer, in the form for the graph and in words. */
export interface Given {
  readonly entry: ResumeEntry;
  readonly question: string;
  readonly answer: string;
}

/** Returns the key of a draft of an answer. */
export function answerDraft(interruptId: string): string {
  return `answer:${threadId.value}:${interruptId}`;
}

/** Answers all questions of the graph. The answers go to the agent that asked, even if another agent is selected. */
export async function answer(given: readonly Given[]): Promise<void> {
  const shown = conversation.value;
  const asked = shown.interrupts.value;
  const none: typeof asked = [];
  const giveBack = takeDrafts(asked.map(({ id }) => answerDraft(id)));
  const takeAway = shown.answered({ kind: "answered", id: freshId(), answers: given });
  shown.interrupts.value = none;
  const resume = given.map(({ entry }) => entry);
  if (await start([], { resume, agentOf: agentThatAsked })) return;
  takeAway();
  giveBack();
  // Events may have changed the questions in the meantime, for example because another client answered. They are newer.
  if (shown.interrupts.value === none) shown.interrupts.value = asked;
}

/** Asks the server which agent waits for the answer. */
async function agentThatAsked(): Promise<string> {
  const url = new URL(`threads/${encodeURIComponent(threadId.value)}`, base);
  return (await requestJson<{ agent?: string }>(url)).agent ?? agent.value;
}

export async function stop(): Promise<void> {
  try {
    await transport.value?.cancel(agent.value, threadId.value);
  } catch (thrown) {
    const error = lineError(thrown);
    if (error.code !== "not_found") conversation.value.refuse(freshId(), error); // If not found, the run has already ended.
  }
}

interface Answering {
  readonly resume?: readonly ResumeEntry[];
  readonly agentOf?: () => string | Promise<string>;
}

/** Starts a run on the thread. Returns `false` if it was refused; the conversation then shows why. */
export async function start(
  messages: readonly Message[],
  { resume, agentOf = () => agent.value }: Answering = {},
): Promise<boolean> {
  const [line, shown] = [transport.value, conversation.value];
  const input = {
    threadId: threadId.value,
    runId: freshId(),
    protocolVersion: "1.0",
    messages: [...messages],
    tools: [],
    context: [],
    ...(resume && { resume: [...resume] }),
    forwardedProps: { sluice: { progress: true } },
  };
  if (!line) {
    shown.refuse(input.runId, {
      code: "unreachable",
      message: "There is no connection to the server yet.",
      retryable: true,
    });
    return false;
  }
  sending.value = true;
  try {
    const name = await agentOf();
    lastRun.value = { agent: name, input };
    await line.run(name, input);
    return true;
  } catch (thrown) {
    shown.refuse(input.runId, lineError(thrown));
    return false;
  } finally {
    sending.value = false;
  }
}

export function asMessage({ id, content }: UserItem): Message {
  return { id, role: "user", content: typeof content === "string" ? content : ([...content] as ContentPart[]) };
}

/** Returns the text of a message, without its attachments. */
export function textOf(content: UserItem["content"]): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
}
