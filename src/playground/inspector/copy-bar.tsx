import type { Message } from "../../protocol/events.ts";
import { freshId } from "../state/ids.ts";
import { agent, base, lastRun, threadId } from "../state/session.ts";
import { reasoning, tokens } from "../state/settings.ts";
import { copy, done } from "./copy.ts";
import { curl, httpAgent, type SnippetOf, wscat } from "./snippets.ts";

/** The message that is copied when the conversation has none. */
const EXAMPLE = "What is 12 * 7?";

const SNIPPETS: readonly (readonly [name: string, make: (of: SnippetOf) => string])[] = [
  ["curl", curl],
  ["wscat", wscat],
  ["HttpAgent", httpAgent],
];

/** Copies the last message as a command or program that sends it to the same thread. */
export function CopyBar() {
  return (
    <section class="copy" aria-label="Copy the request">
      <div class="bar">
        {SNIPPETS.map(([name, make]) => (
          <button
            type="button"
            class="button"
            key={name}
            onClick={() => copy(make(lastMessage()), `Copied as ${name}.`)}
          >
            Copy as {name}
          </button>
        ))}
      </div>
      <p class="quiet" role="status">
        {done}
      </p>
    </section>
  );
}

function lastMessage(): SnippetOf {
  const last = lastRun.value;
  const message = last?.input.messages.findLast(({ role }) => role === "user");
  return {
    base: base.href,
    agent: last?.agent ?? agent.value,
    threadId: threadId.value,
    runId: freshId(),
    messageId: freshId(),
    text: textOf(message) || EXAMPLE,
    tokens: tokens.value,
    reasoning: reasoning.value,
  };
}

/** Returns only the text: images and files are too large to paste. */
function textOf(message: Message | undefined): string {
  const content = message?.role === "user" ? message.content : "";
  if (typeof content === "string") return content;
  return content.map((part) => (part.type === "text" ? part.text : "")).join("");
}
