import type { ComponentType } from "preact";
import { useEffect, useState } from "preact/hooks";
import { inspectorOpen } from "../state/settings.ts";
import { Action } from "./action.tsx";

/** The side panel. Its contents are fetched when it is first opened: a chat does not need them. */
export function UnderTheHood() {
  const [panel, setPanel] = useState<{ Inspector: ComponentType }>();
  const [problem, setProblem] = useState("");
  const open = inspectorOpen.value;
  useEffect(() => {
    if (!open || panel) return;
    import("../inspector/inspector.tsx").then(
      ({ Inspector }) => setPanel({ Inspector }),
      (thrown: unknown) => setProblem(`This part of the page could not be loaded. ${String(thrown)}`),
    );
  }, [open, panel]);
  if (!open) return null;
  const close = () => {
    inspectorOpen.value = false;
  };
  return (
    <aside class="hood" aria-label="Under the hood" onKeyDown={(event) => event.key === "Escape" && close()}>
      <div class="hood-head">
        <h2>Under the hood</h2>
        <Action name="Close" icon="close" onClick={close} />
      </div>
      <div class="hood-body">
        {problem && <p class="problem">{problem}</p>}
        {panel && <panel.Inspector />}
      </div>
    </aside>
  );
}
