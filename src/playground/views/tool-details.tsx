import { useState } from "preact/hooks";
import type { ToolItem, ToolResult } from "../conversation/items.ts";
import { CopyAction } from "./action.tsx";
import { size } from "./readable.ts";
import { ScrollText } from "./scroll-text.tsx";

/** The characters of a long text that are shown at first. `MORE` is added with each click. */
const FIRST = 1_200;
const MORE = 100_000;

/** Shows the arguments and the result of a tool call in full. */
export function ToolDetails({ item }: { item: ToolItem }) {
  const result = item.result.value;
  return (
    <>
      <p class="part">Arguments</p>
      <ArgumentsInFull item={item} />
      {result && <Result result={result} />}
    </>
  );
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
    <div class="reported">
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

/** Indents JSON. Returns any other text, and a very long one, unchanged. */
function indented(text: string): string {
  if (!/^\s*[[{]/.test(text) || text.length > 200_000) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text; // The text is not JSON.
  }
}
