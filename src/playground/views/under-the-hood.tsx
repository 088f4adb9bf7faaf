import { useEffect, useRef } from "preact/hooks";
import { inspectorOpen } from "../state/settings.ts";
import { Action } from "./action.tsx";
import { lazy } from "./lazy.tsx";

const Inspector = lazy(async () => {
  const [{ Inspector }] = await Promise.all([import("../inspector/inspector.tsx"), styles()]);
  return Inspector;
});

/** Enables the panel's stylesheet, which the browser then loads. */
function styles(): Promise<void> {
  const link = document.querySelector<HTMLLinkElement>("#inspector-styles");
  return new Promise((resolve) => {
    if (!link?.disabled) return resolve();
    // A panel without styles is better than no panel.
    link.onload = link.onerror = () => resolve();
    link.disabled = false;
  });
}

/** The side panel. */
export function UnderTheHood() {
  return inspectorOpen.value ? <Panel /> : null;
}

function Panel() {
  const panel = useRef<HTMLElement>(null);
  useEffect(() => {
    // On a phone the panel covers the page, so it gets the focus.
    const box = panel.current;
    if (box && getComputedStyle(box).position === "fixed") box.querySelector<HTMLElement>("button")?.focus();
  }, []);
  const close = () => {
    inspectorOpen.value = false;
    document.getElementById("under-the-hood")?.focus();
  };
  return (
    <aside
      class="hood"
      aria-label="Under the hood"
      ref={panel}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // Otherwise Escape would stop the run.
        close();
      }}
    >
      <div class="hood-head">
        <h2>Under the hood</h2>
        <Action name="Close" icon="close" onClick={close} />
      </div>
      <div class="hood-body">
        <Inspector />
      </div>
    </aside>
  );
}
