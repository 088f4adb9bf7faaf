import type { UserItem } from "../conversation/items.ts";
import { edit } from "../state/again.ts";
import { busy, editing, textOf } from "../state/chat.ts";
import { draftOf, keepDraft, takeDrafts } from "../state/drafts.ts";
import { focusOnce } from "./focus.ts";

/** The message that is being edited. */
export function EditForm() {
  const item = editing.value;
  return item ? <Form item={item} text={textOf(item.content)} /> : null;
}

function Form({ item, text }: { item: UserItem; text: string }) {
  const name = `edit:${item.id}`;
  const draft = draftOf(name, text);
  const close = () => {
    takeDrafts([name]);
    editing.value = undefined;
  };
  const save = (event: Event) => {
    event.preventDefault();
    if (draft.trim() === "" || busy.value) return;
    takeDrafts([name]);
    void edit(item, withText(item.content, draft));
  };
  return (
    <form class="edit" onSubmit={save} aria-label="Edit message">
      <textarea
        class="field"
        aria-label="Edited message"
        dir="auto"
        rows={3}
        value={draft}
        ref={focusOnce}
        onInput={({ currentTarget }) => keepDraft(name, currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Escape") {
            event.preventDefault(); // Otherwise Escape would stop the run.
            close();
          }
          if (event.key === "Enter" && !event.shiftKey && !event.isComposing) save(event);
        }}
      />
      <p class="quiet small">The messages after this one will be deleted.</p>
      <div class="row">
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
        <button type="submit" class="button primary" disabled={busy.value}>
          Send again
        </button>
      </div>
    </form>
  );
}

function withText(content: UserItem["content"], text: string): UserItem["content"] {
  if (typeof content === "string") return text;
  return [{ type: "text", text }, ...content.filter(({ type }) => type !== "text")];
}
