import { transportKind } from "../state/settings.ts";
import { noWebSocket } from "../state/start.ts";

/** The line that most proxies let through is one click away. */
export function NoWebSocket() {
  return (
    <div class="banner warn" role="alert">
      <p>
        <strong>No WebSocket gets through to the server.</strong> A proxy on the way may not let WebSockets pass. SSE
        needs plain HTTP only.
      </p>
      <button
        type="button"
        class="button"
        onClick={() => {
          noWebSocket.value = false;
          transportKind.value = "sse";
        }}
      >
        Use SSE
      </button>
    </div>
  );
}
