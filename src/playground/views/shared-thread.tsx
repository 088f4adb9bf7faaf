import { conversation } from "../state/chat.ts";
import { doorError, refused } from "../state/start.ts";
import { ConversationView } from "./conversation-view.tsx";
import { LineStatus } from "./line-status.tsx";
import { RunStatus } from "./run-status.tsx";
import { ThemeSwitch } from "./theme-switch.tsx";

/** The page that a shared link opens: one thread, read-only. */
export function SharedThread() {
  return (
    <div class="app shared">
      <main>
        <header class="topbar">
          <h1>Shared conversation</h1>
          <p class="about quiet">Live and read-only.</p>
          <LineStatus />
          <ThemeSwitch />
        </header>
        <Notice />
        <ConversationView />
        <div class="foot">
          <div class="column">
            <RunStatus />
            {conversation.value.interrupts.value.length > 0 && (
              <p class="quiet small">The agent waits for the user's answer.</p>
            )}
          </div>
        </div>
      </main>
    </div>
  );
}

function Notice() {
  const error = refused.value ?? doorError.value;
  if (!error) return null;
  const over = error.code === "unauthorized";
  return (
    <div class={error.retryable ? "banner warn" : "banner bad"} role="alert">
      <p>
        <strong>{over ? "This link is not valid, or no longer valid." : "The conversation cannot be shown."}</strong>{" "}
        {over ? "It was revoked, it has expired, or the conversation was deleted." : error.message}{" "}
        <code>{error.code}</code>
      </p>
    </div>
  );
}
