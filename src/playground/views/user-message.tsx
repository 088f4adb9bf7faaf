import { useState } from "preact/hooks";
import type { ContentPart } from "../../protocol/events.ts";
import type { UserItem } from "../conversation/items.ts";
import { answerAgain, busy, edit, editing } from "../state/chat.ts";
import { Action, CopyAction } from "./action.tsx";
import { Icon } from "./icons.tsx";

export function UserMessage({ item }: { item: UserItem }) {
  const text = textOf(item.content);
  if (editing.value?.id === item.id) return <EditForm item={item} text={text} />;
  return (
    <article class="user" aria-label="You">
      <div class="bubble" dir="auto">
        <Attached content={item.content} />
        {text}
      </div>
      <div class="actions">
        <CopyAction name="Copy message" text={() => text} />
        <Action
          name="Edit message"
          icon="pen"
          disabled={busy.value}
          onClick={() => {
            editing.value = item;
          }}
        />
        <Action name="Answer again" icon="again" disabled={busy.value} onClick={() => void answerAgain(item.id)} />
      </div>
    </article>
  );
}

function EditForm({ item, text }: { item: UserItem; text: string }) {
  const [draft, setDraft] = useState(text);
  const close = () => {
    editing.value = undefined;
  };
  const save = (event: Event) => {
    event.preventDefault();
    if (draft.trim() !== "" && !busy.value) void edit(item, withText(item.content, draft));
  };
  return (
    <form class="edit" onSubmit={save} aria-label="Edit message">
      <textarea
        class="field"
        aria-label="Edited message"
        dir="auto"
        rows={3}
        value={draft}
        ref={(element) => element?.focus()}
        onInput={({ currentTarget }) => setDraft(currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") close();
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) save(event);
        }}
      />
      <p class="quiet small">What came after this message is forgotten.</p>
      <div class="row">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={busy.value}>
          Send anew
        </button>
      </div>
    </form>
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
  // Only what came with the message is shown: nothing is fetched from elsewhere.
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

function textOf(content: UserItem["content"]): string {
  if (typeof content === "string") return content;
  return content.flatMap((part) => (part.type === "text" ? [part.text] : [])).join("\n");
}

function withText(content: UserItem["content"], text: string): UserItem["content"] {
  if (typeof content === "string") return text;
  return [{ type: "text", text }, ...content.filter(({ type }) => type !== "text")];
}
