import { useState } from "preact/hooks";
import type { ToolItem, ToolResult } from "../conversation/items.ts";
import { conversation } from "../state/chat.ts";
import { CopyAction } from "./action.tsx";
import { duration, size } from "./figures.ts";
import { useNow } from "./hooks.ts";
import { Icon } from "./icons.tsx";
import { ScrollText } from "./scroll-text.tsx";

/** Of a long text this much is shown at first, in characters; then it grows by as much as a browser draws at once. */
const FIRST = 1_200;
const MORE = 100_000;

export function ToolCard({ item }: { item: ToolItem }) {
  const result = item.result.value;
  const running = conversation.value.run.value !== undefined && !result;
  const failed = result?.error !== undefined;
  const [chosen, choose] = useState<boolean>();
  const open = chosen ?? (!result || failed);
  const state = failed ? "failed" : result ? "done" : running ? "running" : "waiting";
  return (
    <details class={`tool ${state}`} open={open}>
      {/* biome-ignore lint/a11y/noStaticElementInteractions: a summary is a button */}
      <summary
        onClick={(event) => {
          event.preventDefault();
          choose(!open);
        }}
      >
        <Icon name={failed ? "cross" : result ? "check" : "tool"} />
        <span class="name">
          <span class="hidden">Tool </span>
          {item.name}
          <span class="hidden">, {STATES[state]}</span>
        </span>
        <Arguments item={item} open={open} />
        <Elapsed item={item} running={running} />
        <Icon name="chevron" size={12} />
      </summary>
      {open && (
        <div class="inside">
          <p class="part">Arguments</p>
          <ArgumentsInFull item={item} />
          {result && <Result result={result} />}
        </div>
      )}
    </details>
  );
}

const STATES = { failed: "failed", done: "finished", running: "running", waiting: "not finished" };

/** On the closed card: the arguments in one line. */
function Arguments({ item, open }: { item: ToolItem; open: boolean }) {
  void item.args.revision.value;
  return <span class="brief">{open ? "" : item.args.text.slice(0, 200)}</span>;
}

function ArgumentsInFull({ item }: { item: ToolItem }) {
  void item.args.revision.value;
  const done = item.args.done.value;
  return <Text text={done ? indented(item.args.text) : item.args.text} name="arguments" growing={!done} />;
}

function Result({ result: { content, error } }: { result: ToolResult }) {
  return (
    <>
      <p class="part">
        {error === undefined ? "Result" : "Error"}
        {content.length > FIRST && <span class="quiet"> · {size(content.length)}</span>}
      </p>
      <Text text={indented(error ?? content)} name={error === undefined ? "result" : "error"} />
    </>
  );
}

function Text({ text, name, growing = false }: { text: string; name: string; growing?: boolean }) {
  const [shown, show] = useState(FIRST);
  const rest = text.length - shown;
  return (
    <div class="told">
      <ScrollText name={`The ${name}`} text={rest > 0 ? text.slice(0, shown) : text} growing={growing} />
      <CopyAction name={`Copy ${name}`} text={() => text} />
      {rest > 0 && (
        <button type="button" class="link" onClick={() => show(shown + MORE)}>
          {rest > MORE ? `Show ${size(MORE)} more of ${size(text.length)}` : `Show all ${size(text.length)}`}
        </button>
      )}
    </div>
  );
}

function Elapsed({ item, running }: { item: ToolItem; running: boolean }) {
  const now = useNow(running);
  const [took, started] = [item.tookMs.value, item.startedAt.value];
  const ms = took ?? (running && started !== undefined ? now - started : undefined);
  return <span class="elapsed">{ms === undefined ? "" : duration(ms)}</span>;
}

/** JSON with line breaks, if it is JSON and not so much that nobody reads it. */
function indented(text: string): string {
  if (!/^\s*[[{]/.test(text) || text.length > 200_000) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // It only looked like JSON.
  }
}
