/** Asks for another answer to the same or an edited message. The later messages are forgotten. */

import { historyUntil } from "../conversation/history.ts";
import type { UserItem } from "../conversation/items.ts";
import { asMessage, conversation, editing, start } from "./chat.ts";

/** Asks for another answer to a person's message. The later messages are forgotten. */
export async function answerAgain(id: string): Promise<void> {
  const messages = historyUntil(conversation.value.items.value, id);
  conversation.value.cutAfter(id);
  await start(messages);
}

/** Sends an edited message. The messages after it are forgotten. */
export async function edit({ id }: UserItem, content: UserItem["content"]): Promise<void> {
  const edited: UserItem = { kind: "user", id, content };
  const before = historyUntil(conversation.value.items.value, id).filter((message) => message.id !== id);
  conversation.value.cutAfter(id);
  conversation.value.add(edited);
  editing.value = undefined;
  await start([...before, asMessage(edited)]);
}
