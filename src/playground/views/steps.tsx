import type { Step } from "../conversation/steps.ts";
import { columns } from "../conversation/steps.ts";
import { useNow } from "./hooks.ts";
import { duration } from "./readable.ts";

/** Shows the steps of a run from left to right. Steps that ran side by side are below each other. */
export function StepRail({ steps, active = false }: { steps: readonly Step[]; active?: boolean }) {
  if (steps.length === 0) return null;
  return (
    <ol class="steps" aria-label="Steps">
      {columns(steps).map((column) => (
        <li key={`${column[0]?.name}${column[0]?.startedAt}`} class={column.length > 1 ? "parallel" : ""}>
          {column.map((step) => (
            <StepChip key={`${step.name}${step.startedAt}`} step={step} active={active} />
          ))}
        </li>
      ))}
    </ol>
  );
}

function StepChip({ step: { name, startedAt, tookMs }, active }: { step: Step; active: boolean }) {
  const open = active && tookMs === undefined;
  const now = useNow(open);
  const path = name.split("/");
  return (
    <span class={open ? "step open" : "step"} title={name}>
      {path.length > 1 && <span class="quiet">{path.slice(0, -1).join(" / ")} / </span>}
      {path.at(-1)} <span class="elapsed">{duration(tookMs ?? Math.max(0, now - startedAt))}</span>
    </span>
  );
}
