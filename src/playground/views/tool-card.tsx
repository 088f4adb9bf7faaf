import { useState } from "preact/hooks";
import type { ToolItem } from "../conversation/items.ts";
import { conversation } from "../state/chat.ts";
import { useNow } from "./hooks.ts";
import { Icon } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { duration } from "./readable.ts";

const ToolDetails = lazy(async () => (await import("./later.tsx")).ToolDetails);

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
          <ToolDetails item={item} />
        </div>
      )}
    </details>
  );
}

const STATES = { failed: "failed", done: "finished", running: "running", waiting: "not finished" };

/** Shows the arguments in one line while the card is closed. */
function Arguments({ item, open }: { item: ToolItem; open: boolean }) {
  void item.args.revision.value;
  return <span class="brief">{open ? "" : item.args.text.slice(0, 200)}</span>;
}

function Elapsed({ item, running }: { item: ToolItem; running: boolean }) {
  const now = useNow(running);
  const [took, started] = [item.tookMs.value, item.startedAt.value];
  const ms = took ?? (running && started !== undefined ? now - started : undefined);
  return <span class="elapsed">{ms === undefined ? "" : duration(ms)}</span>;
}
