/** The panel "Under the hood": what comes over the line, how, and how to have it elsewhere. */
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
