import type { ContentPart } from "../../protocol/events.ts";
import type { UserItem } from "../conversation/items.ts";
import { busy, editing, textOf } from "../state/chat.ts";
import { watching } from "../state/session.ts";
import { Action, CopyAction } from "./action.tsx";
import { Icon } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { answerAgain } from "./run-end.tsx";

const EditForm = lazy(async () => (await import("./later.tsx")).EditForm);

export function UserMessage({ item }: { item: UserItem }) {
  const text = textOf(item.content);
  if (editing.value?.id === item.id) return <EditForm />;
  return (
    <article class="user" aria-label="You">
      <div class="bubble" dir="auto">
        <Attached content={item.content} />
        {text}
      </div>
      {item.taken && <span class="quiet small">Taken into the run</span>}
      <div class="actions">
        <CopyAction name="Copy message" text={() => text} />
        {!watching.value && (
          <>
            <Action
              name="Edit message"
              icon="pen"
              disabled={busy.value}
              onClick={() => {
                editing.value = item;
              }}
            />
            <Action name="Answer again" icon="again" disabled={busy.value} onClick={() => void answerAgain(item.id)} />
          </>
        )}
      </div>
    </article>
  );
}

function Attached({ content }: { content: UserItem["content"] }) {
  if (typeof content === "string") return null;
  const parts = content.filter(({ type }) => type !== "text");
  if (parts.length === 0) return null;
  return (
    <div class="attached">
      {parts.map((part, index) => (
        <Part key={index} part={part} />
      ))}
    </div>
  );
}

function Part({ part }: { part: ContentPart }) {
  if (part.type === "text") return null;
  const { source } = part;
  // Only data in the message is shown. Nothing is fetched from another host.
  if (part.type === "image" && source.type === "data")
    return <img src={`data:${source.mimeType};base64,${source.value}`} alt="Attached" />;
  const name = part.metadata?.name;
  return (
    <span class="file">
      <Icon name="file" />
      {typeof name === "string" ? name : part.type}
    </span>
  );
}
