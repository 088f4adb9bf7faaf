/** A person's choices. Remembered in this browser. */
import { effect, type Signal, signal } from "@preact/signals";
import type { TransportKind } from "../transport/transport.ts";

export type Theme = "system" | "light" | "dark";

export const transportKind = remembered<TransportKind>("transport", "frames", ["frames", "bare", "sse"]);
/** `false`: each message comes whole. */
export const tokens = remembered("tokens", true, [true, false]);
export const reasoning = remembered("reasoning", true, [true, false]);
export const theme = remembered<Theme>("theme", "system", ["system", "light", "dark"]);
/** Is the panel "Under the hood" open? On a phone it starts closed. */
export const inspectorOpen = remembered("inspector", globalThis.innerWidth > 1_200, [true, false]);

/** Shows the chosen theme, and follows each change of it. */
export function showTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}

/** Makes a signal whose value is stored in the browser. A stored value that is not in `allowed` is ignored. */
function remembered<T>(name: string, initial: T, allowed: readonly T[]): Signal<T> {
  const key = `sluice.${name}`;
  const value = signal(allowed.find((one) => JSON.stringify(one) === stored(key)) ?? initial);
  effect(() => store(key, JSON.stringify(value.value)));
  return value;
}

function stored(key: string): string | null {
  try {
    return localStorage.getItem(key);
  } catch {
    return null; // Some browsers refuse storage; the choice then lasts as long as the page.
  }
}

function store(key: string, text: string): void {
  try {
    localStorage.setItem(key, text);
  } catch {
    // Without storage, the choice lasts as long as the page.
  }
}
