import { useState } from "preact/hooks";
import type { ReasoningItem, TextItem } from "../conversation/items.ts";
import { CopyAction } from "./action.tsx";
import { useNow } from "./hooks.ts";
import { Icon } from "./icons.tsx";
import { Markdown } from "./markdown.tsx";
import { duration } from "./readable.ts";

export function Answer({ item }: { item: TextItem }) {
  const done = item.body.done.value;
  return (
    <article class={done ? "answer" : "answer growing"} aria-label="Answer" aria-busy={!done}>
      <Markdown body={item.body} />
      {done && (
        <div class="actions">
          <CopyAction name="Copy answer" text={() => item.body.text} />
        </div>
      )}
    </article>
  );
}

/**
 * The model's reasoning. It is open while the model thinks, then it collapses to one line with the duration, unless the
 * person opened it.
 */
export function Reasoning({ item }: { item: ReasoningItem }) {
  const done = item.body.done.value;
  const [chosen, choose] = useState<boolean>();
  const open = chosen ?? !done;
  return (
    <details class="reasoning" open={open}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a summary is a button */}
      <summary
        onClick={(event) => {
          event.preventDefault();
          choose(!open);
        }}
      >
        <Icon name="thought" />
        <Thought item={item} done={done} />
        <Icon name="chevron" size={12} />
      </summary>
      {open && <Markdown body={item.body} />}
    </details>
  );
}

function Thought({ item, done }: { item: ReasoningItem; done: boolean }) {
  const now = useNow(!done);
  const [started, took] = [item.startedAt.value, item.tookMs.value];
  if (done) return <span>{took === undefined ? "Thought" : `Thought for ${duration(took)}`}</span>;
  return <span class="shimmer">{started === undefined ? "Thinking" : `Thinking for ${duration(now - started)}`}</span>;
}
