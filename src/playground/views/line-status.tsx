import { transport } from "../state/session.ts";
import type { TransportKind } from "../transport/transport.ts";

const NAMES: Readonly<Record<TransportKind, string>> = {
  frames: "WebSocket",
  bare: "WebSocket, bare",
  sse: "SSE",
};

const STATES = {
  idle: "not connected",
  connecting: "connecting",
  open: "connected",
  waiting: "not connected",
  closed: "closed",
};

/** Shows a dot and the name of the transport, or the line's state. */
export function LineStatus() {
  const line = transport.value;
  if (!line) return null;
  const { status } = line.state.value;
  const name = NAMES[line.kind];
  return (
    <span class={`line ${status}`} title={`${name}: ${STATES[status]}`}>
      <span class="dot" aria-hidden="true" />
      <span class="what" aria-hidden="true">
        {status === "open" ? name : STATES[status]}
      </span>
      <span class="hidden">
        {name}: {STATES[status]}
      </span>
    </span>
  );
}
