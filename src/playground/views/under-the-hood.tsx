import { inspectorOpen } from "../state/settings.ts";
import { Action } from "./action.tsx";
import { lazy } from "./lazy.tsx";

const Inspector = lazy(async () => (await import("../inspector/inspector.tsx")).Inspector);

/** The side panel. */
export function UnderTheHood() {
  if (!inspectorOpen.value) return null;
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
        <Inspector />
      </div>
    </aside>
  );
}
