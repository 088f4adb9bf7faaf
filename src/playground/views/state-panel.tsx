import { conversation } from "../state/chat.ts";
import { Icon } from "./icons.tsx";
import { count } from "./readable.ts";
import { ScrollText } from "./scroll-text.tsx";

/** The most characters shown of one change. */
const BRIEF = 160;
/** The most characters shown of the state. */
const LONGEST = 50_000;

/** Shows the exposed part of the graph's state, and the changes of the last run. */
export function StatePanel() {
  const state = conversation.value.state.value;
  // A graph reports an empty state when it begins.
  if (!state || (state.count === 0 && JSON.stringify(state.value) === "{}")) return null;
  const { value, changes, count: all } = state;
  return (
    <details class="state">
      <summary>
        <Icon name="braces" /> State
        {all > 0 && <span class="quiet">{count(all, "change")}</span>}
        <Icon name="chevron" size={12} />
      </summary>
      <div class="inside">
        <ul class="changes" aria-label="Last changes">
          {changes.map(({ op, path, value: to }, index) => (
            <li key={index} class={op}>
              <span class="op">{OPS[op] ?? op}</span> <code>{path || "/"}</code>{" "}
              {op !== "remove" && <span class="quiet">{JSON.stringify(to)?.slice(0, BRIEF)}</span>}
            </li>
          ))}
        </ul>
        {all > changes.length && <p class="quiet small">{count(all - changes.length, "change")} before these.</p>}
        <ScrollText name="The whole state" text={JSON.stringify(value, null, 2)?.slice(0, LONGEST) ?? ""} />
      </div>
    </details>
  );
}

const OPS: Readonly<Record<string, string>> = { add: "added", remove: "removed", replace: "changed" };
