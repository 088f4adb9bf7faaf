import type { TokenUsage } from "../../protocol/events.ts";
import type { EndItem } from "../conversation/items.ts";
import { busy, conversation } from "../state/chat.ts";
import { watching } from "../state/session.ts";
import { Icon } from "./icons.tsx";
import { count, duration } from "./readable.ts";
import { StepRail } from "./steps.tsx";

/** Shows the end of a run: one line after a success, a box after a failure. */
export function RunEnd({ item }: { item: EndItem }) {
  return (
    <div class="end">
      {item.error && <Failure item={item} />}
      <div class="facts">
        {item.outcome === "cancelled" && <span class="stopped">Stopped</span>}
        {facts(item).map((fact) => (
          <span key={fact}>{fact}</span>
        ))}
        {item.outcome !== "error" && <AgainButton item={item} />}
      </div>
      {item.steps.length > 1 && (
        <details class="past">
          <summary>
            {count(item.steps.length, "step")} <Icon name="chevron" size={12} />
          </summary>
          <StepRail steps={item.steps} />
        </details>
      )}
    </div>
  );
}

function Failure({ item }: { item: EndItem }) {
  const { code = "", message = "", retryable } = item.error ?? {};
  return (
    <div class="failure" role="alert">
      <div>
        <strong>{HEADINGS[code] ?? "The run failed"}</strong> <code>{code}</code>
        <p dir="auto">{message}</p>
      </div>
      <AgainButton item={item} strong label={retryable ? "Try again" : "Try again anyway"} />
    </div>
  );
}

const HEADINGS: Readonly<Record<string, string>> = {
  unauthorized: "Sign in first",
  thread_busy: "A run is active on this thread",
  interrupt_pending: "The thread waits for an answer",
  payload_too_large: "The message is too large",
  model_error: "The model call failed",
  draining: "The server is shutting down",
  overloaded: "The server is at its limit",
  unreachable: "The server cannot be reached",
};

/** Asks for another answer to the message that this run answered: the person's last message above it. */
function AgainButton({ item, strong = false, label = "Another answer" }: AgainProps) {
  const { items } = conversation.value;
  const index = items.value.indexOf(item);
  const asked = items.value.slice(0, index).findLast(({ kind }) => kind === "user");
  const last = index === items.value.length - 1;
  if (!asked || !last || watching.value) return null;
  return (
    <button
      type="button"
      class={strong ? "button" : "link"}
      disabled={busy.value}
      onClick={() => void answerAgain(asked.id)}
    >
      {strong && <Icon name="again" />}
      {label}
    </button>
  );
}

/** Asks for another answer to a message. */
export async function answerAgain(id: string): Promise<void> {
  await (await import("./later.tsx")).answerAgain(id);
}

interface AgainProps {
  item: EndItem;
  strong?: boolean;
  label?: string;
}

/** Finish reasons that are not worth showing. */
const ORDINARY = new Set(["stop", "end_turn", "tool_calls", "tool_use"]);

function facts({ tookMs, firstTextMs, usage, finishReason }: EndItem): string[] {
  const output = total(usage, "outputTokens");
  const input = total(usage, "inputTokens");
  const models = [...new Set(usage.flatMap(({ model }) => (model ? [model] : [])))];
  return [
    ...(tookMs === undefined ? [] : [duration(tookMs)]),
    ...(firstTextMs === undefined ? [] : [`first words after ${duration(firstTextMs)}`]),
    ...(input + output > 0 ? [`${input.toLocaleString("en")} tokens in, ${output.toLocaleString("en")} out`] : []),
    ...(models.length > 0 ? [models.join(", ")] : []),
    ...(finishReason && !ORDINARY.has(finishReason) ? [`ended with ${finishReason}`] : []),
  ];
}

function total(usage: readonly TokenUsage[], field: "inputTokens" | "outputTokens"): number {
  return usage.reduce((sum, entry) => sum + (entry[field] ?? 0), 0);
}
