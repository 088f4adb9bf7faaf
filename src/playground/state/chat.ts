/** What a person does in a conversation. Everything else follows from the events. */
import { computed, signal } from "@preact/signals";
import type { ContentPart, Message, ResumeEntry } from "../../protocol/events.ts";
import { Conversation } from "../conversation/conversation.ts";
import type { UserItem } from "../conversation/items.ts";
import { historyUntil } from "../conversation/snapshot.ts";
import { lineError } from "../transport/http.ts";
import { announcer } from "./announcer.ts";
import { freshId } from "./ids.ts";
import { agent, lastRun, threadId, transport } from "./session.ts";

/** How often what grows is drawn, at most, in milliseconds. */
const DRAW_EVERY_MS = 80;

export const conversation = signal(fresh());
/** A run was asked for, and the server has not taken it yet. */
export const sending = signal(false);
export const busy = computed(() => sending.value || conversation.value.run.value !== undefined);
/** The message that is being edited. */
export const editing = signal<UserItem | undefined>(undefined);

/** Begins with an empty conversation: that of another thread. */
export function newConversation(): void {
  conversation.value = fresh();
  editing.value = undefined;
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

export async function send(content: UserItem["content"]): Promise<void> {
  const message: UserItem = { kind: "user", id: freshId(), content };
  conversation.value.add(message);
  await start([asMessage(message)]);
}

/** Asks for another answer to a message of the person: what came after it is forgotten. */
export async function answerAgain(id: string): Promise<void> {
  const messages = historyUntil(conversation.value.items.value, id);
  conversation.value.cutAfter(id);
  await start(messages);
}

/** Sends a message with other words. What came after it is forgotten. */
export async function edit({ id }: UserItem, content: UserItem["content"]): Promise<void> {
  const edited: UserItem = { kind: "user", id, content };
  const before = historyUntil(conversation.value.items.value, id).filter((message) => message.id !== id);
  conversation.value.cutAfter(id);
  conversation.value.add(edited);
  editing.value = undefined;
  await start([...before, asMessage(edited)]);
}

/** Answers what the graph asks. */
export async function answer(resume: readonly ResumeEntry[]): Promise<void> {
  const { interrupts } = conversation.value;
  const asked = interrupts.value;
  const none: typeof asked = [];
  interrupts.value = none;
  // What was told meanwhile says more: somebody else may have answered.
  if (!(await start([], resume)) && interrupts.value === none) interrupts.value = asked;
}

export async function stop(): Promise<void> {
  try {
    await transport.value?.cancel(agent.value, threadId.value);
  } catch (thrown) {
    const error = lineError(thrown);
    if (error.code !== "not_found") conversation.value.refuse(freshId(), error); // Else it has ended meanwhile.
  }
}

/** `false`: it was refused, and the conversation says why. */
async function start(messages: readonly Message[], resume?: readonly ResumeEntry[]): Promise<boolean> {
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
    shown.refuse(input.runId, { code: "unreachable", message: "There is no line to it yet.", retryable: true });
    return false;
  }
  lastRun.value = { agent: agent.value, input };
  sending.value = true;
  try {
    await line.run(agent.value, input);
    return true;
  } catch (thrown) {
    shown.refuse(input.runId, lineError(thrown));
    return false;
  } finally {
    sending.value = false;
  }
}

function asMessage({ id, content }: UserItem): Message {
  return { id, role: "user", content: typeof content === "string" ? content : ([...content] as ContentPart[]) };
}
