import type { Ref } from "preact";
import { agent, agents } from "../state/session.ts";
import { inspectorOpen } from "../state/settings.ts";
import { Icon } from "./icons.tsx";
import { LineStatus } from "./line-status.tsx";

interface TopbarProps {
  readonly onMenu: () => void;
  readonly menuOpen: boolean;
  readonly menuButton: Ref<HTMLButtonElement>;
}

export function Topbar({ onMenu, menuOpen, menuButton }: TopbarProps) {
  const known = agents.value;
  const current = known.find(({ name }) => name === agent.value);
  return (
    <header class="topbar">
      <button
        type="button"
        class="button icon bare menu"
        ref={menuButton}
        aria-label="Conversations"
        aria-expanded={menuOpen}
        onClick={onMenu}
      >
        <Icon name="menu" />
      </button>
      <h1 class="hidden">Sluice playground</h1>
      <label class="agent">
        <span class="hidden">Agent</span>
        <select
          class="field"
          value={agent.value}
          disabled={known.length === 0}
          onChange={({ currentTarget }) => {
            agent.value = currentTarget.value;
          }}
        >
          {known.map(({ name }) => (
            <option key={name} value={name}>
              {name}
            </option>
          ))}
        </select>
      </label>
      <p class="about quiet">{current?.description}</p>
      <LineStatus />
      <button
        type="button"
        class="button under"
        id="under-the-hood"
        aria-label="Under the hood"
        aria-pressed={inspectorOpen.value}
        onClick={() => {
          inspectorOpen.value = !inspectorOpen.value;
        }}
      >
        <Icon name="gauge" /> <span>Under the hood</span>
      </button>
    </header>
  );
}
