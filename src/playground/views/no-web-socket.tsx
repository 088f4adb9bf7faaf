import { transportKind } from "../state/settings.ts";
import { noWebSocket } from "../state/start.ts";

/** Shows that WebSockets are blocked, and offers SSE. */
export function NoWebSocket() {
  return (
    <div class="banner warn" role="alert">
      <p>
        <strong>WebSockets do not reach the server.</strong> A proxy may block WebSockets. SSE needs only plain HTTP.
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
