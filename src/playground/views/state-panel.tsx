import { conversation } from "../state/chat.ts";
import { count } from "./figures.ts";
import { Icon } from "./icons.tsx";
import { ScrollText } from "./scroll-text.tsx";

/** What is shown of one change, in characters. */
const BRIEF = 160;
/** What is shown of the state, in characters. */
const LONGEST = 50_000;

/** The graph's state as far as its agent exposes it, and what changed in it last. */
export function StatePanel() {
  const state = conversation.value.state.value;
  // A graph that begins tells that there is nothing yet.
  if (!state || (state.changes.length === 0 && JSON.stringify(state.value) === "{}")) return null;
  const { value, changes } = state;
  return (
    <details class="state">
      <summary>
        <Icon name="gauge" /> State
        <span class="quiet">{changes.length > 0 ? count(changes.length, "change") : "unchanged"}</span>
        <Icon name="chevron" size={12} />
      </summary>
      <div class="inside">
        <ul class="changes" aria-label="Last changes">
          {changes.slice(0, 20).map(({ op, path, value: to }) => (
            <li key={op + path} class={op}>
              <span class="op">{OPS[op] ?? op}</span> <code>{path || "/"}</code>{" "}
              {op !== "remove" && <span class="quiet">{JSON.stringify(to)?.slice(0, BRIEF)}</span>}
            </li>
          ))}
        </ul>
        <ScrollText name="The whole state" text={JSON.stringify(value, null, 2)?.slice(0, LONGEST) ?? ""} />
      </div>
    </details>
  );
}

const OPS: Readonly<Record<string, string>> = { add: "added", remove: "removed", replace: "changed" };
