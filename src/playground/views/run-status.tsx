import { busy, conversation } from "../state/chat.ts";
import { useNow } from "./hooks.ts";
import { duration } from "./readable.ts";
import { StepRail } from "./steps.tsx";

/** Shows the active run: its steps, its reported progress, and the elapsed time. */
export function RunStatus() {
  const { run, steps, progress } = conversation.value;
  const now = useNow(busy.value);
  if (!busy.value) return null;
  const { done, total, label, tokensPerSecond } = progress.value ?? {};
  return (
    <div class="status">
      <StepRail steps={steps.value} active />
      <div class="facts">
        {done !== undefined && total !== undefined && (
          <span class="far">
            <progress value={done} max={total} aria-label="Progress" /> {done} of {total}
          </span>
        )}
        {label && <span>{label}</span>}
        {tokensPerSecond !== undefined && <span>{Math.round(tokensPerSecond)} tokens/s</span>}
        <span class="elapsed">
          {run.value ? duration(Math.max(0, now - run.value.startedAt)) : <span class="shimmer">Sending</span>}
        </span>
      </div>
    </div>
  );
}
