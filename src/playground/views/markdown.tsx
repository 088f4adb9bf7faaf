import { useSignalEffect } from "@preact/signals";
import { useEffect, useRef } from "preact/hooks";
import type { Growing } from "../conversation/items.ts";
import { GrowingMarkdown } from "../markdown/growing-markdown.ts";

/** Shows growing text as Markdown. It updates its own DOM, so a token does not draw other components again. */
export function Markdown({ body }: { body: Growing }) {
  const root = useRef<HTMLDivElement>(null);
  const drawn = useRef<GrowingMarkdown>(undefined);
  useSignalEffect(() => {
    void body.revision.value;
    const done = body.done.value;
    if (!root.current) return;
    drawn.current ??= new GrowingMarkdown(root.current);
    drawn.current.show(body.text, done);
  });
  useEffect(() => () => drawn.current?.stop(), []);
  return <div class="markdown" dir="auto" ref={root} />;
}
