/** Sends messages into the active run, and handles those that the run did not take. */
import { type InjectedMessage, withInjected, withoutInjected } from "../../client/injected.ts";
import { lineError, unreachable } from "../transport/http.ts";
import { conversation, send } from "./chat.ts";
import { freshId } from "./ids.ts";
import { agent, threadId, transport } from "./session.ts";

/** Sends a text into the active run. If no run is active any more, the text starts one. */
export async function steer(content: string, id = freshId()): Promise<void> {
  const { injected } = conversation.value;
  injected.value = withInjected(injected.value, { id, content, state: "sending" });
  try {
    const line = transport.value;
    if (!line) throw unreachable("There is no line to the server yet.");
    await line.inject(agent.value, threadId.value, { id, content });
  } catch (thrown) {
    const { code, message } = lineError(thrown);
    if (code === "not_found") await sendNow({ id, content });
    else injected.value = withInjected(injected.value, { id, content, state: "returned", problem: message });
  }
}

/** Sends a message as the next turn, or into the active run if there is one. */
export async function sendNow({ id, content }: Pick<InjectedMessage, "id" | "content">): Promise<void> {
  if (conversation.value.run.value) return steer(content, id);
  discard(id);
  await send(content, id);
}

/** Forgets a message. */
export function discard(id: string): void {
  const { injected } = conversation.value;
  injected.value = withoutInjected(injected.value, [id]);
}
