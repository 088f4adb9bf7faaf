/** The panel "Under the hood": the events that come over the line, their timing, and how to get them elsewhere. */
import { threadId } from "../state/session.ts";
import { CopyBar } from "./copy-bar.tsx";
import { EventLog } from "./event-log.tsx";
import { LinePanel } from "./line-panel.tsx";
import { RunPanel } from "./run-panel.tsx";

export function Inspector() {
  return (
    <div class="inspector">
      <LinePanel />
      <RunPanel />
      <EventLog key={threadId.value} />
      <CopyBar />
    </div>
  );
}
