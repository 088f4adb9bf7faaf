/** The line to the server: its transport, what it delivers, and the result when it is cut. */
import type { Signal } from "@preact/signals";
import { useMemo } from "preact/hooks";
import { conversation } from "../state/chat.ts";
import { transport } from "../state/session.ts";
import { reasoning, tokens, transportKind } from "../state/settings.ts";
import { noWebSocket } from "../state/start.ts";
import { tap } from "../state/tap.ts";
import type { TransportKind } from "../transport/transport.ts";
import { Proof } from "./proof.tsx";
import { sentence } from "./resume.ts";

const KINDS: readonly (readonly [TransportKind, string])[] = [
  ["frames", "WebSocket frames"],
  ["bare", "WebSocket bare"],
  ["sse", "SSE"],
];

export function LinePanel() {
  const line = transport.value;
  const open = line?.state.value.status === "open";
  const resume = tap.resumes.value.at(-1);
  // Computed once, when the line is back: switches that change later must not change the sentence.
  const back = useMemo(
    () => resume && line && sentence(resume, line.kind, !tokens.peek() || !reasoning.peek()),
    [resume],
  );
  return (
    <section class="wire" aria-label="Connection">
      {/* biome-ignore lint/a11y/noNoninteractiveElementToInteractiveRole: a group of radio buttons is a radiogroup */}
      <fieldset role="radiogroup" aria-labelledby="transport-legend">
        <legend id="transport-legend">Transport</legend>
        {KINDS.map(([kind, name]) => (
          <label key={kind}>
            <input
              type="radio"
              name="transport"
              checked={transportKind.value === kind}
              onChange={() => {
                transportKind.value = kind;
              }}
            />
            {name}
          </label>
        ))}
      </fieldset>
      <div class="bar">
        <Switch name="Tokens" on={tokens} />
        <Switch name="Reasoning" on={reasoning} />
        <button type="button" class="button danger" disabled={!open} onClick={() => line?.cut()}>
          Cut the wire
        </button>
      </div>
      <div class="resume" role="status">
        {line && !open && <p>{stateOf(line.state.value.status, conversation.value.run.value !== undefined)}</p>}
        {open && resume && (
          <>
            <p>{back}</p>
            <Proof resume={resume} />
          </>
        )}
      </div>
    </section>
  );
}

function Switch({ name, on }: { readonly name: string; readonly on: Signal<boolean> }) {
  return (
    <label>
      <input
        type="checkbox"
        checked={on.value}
        onChange={({ currentTarget }) => {
          on.value = currentTarget.checked;
        }}
      />
      {name}
    </label>
  );
}

function stateOf(status: string, running: boolean): string {
  if (noWebSocket.value) return "WebSockets do not reach the server. SSE needs only plain HTTP.";
  if (status === "waiting")
    return running
      ? "The connection is lost. The run continues, and the server keeps its events."
      : "The connection is lost.";
  return status === "closed" ? "The line is closed." : "Connecting …";
}
