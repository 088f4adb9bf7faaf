/** Notices that stay until the person acts. */
import { conversation } from "../state/chat.ts";
import { refused } from "../state/start.ts";
import { Icon } from "./icons.tsx";

export function Refused() {
  const { code, message } = refused.value ?? {};
  const signedOut = code === "unauthorized";
  return (
    <div class="banner bad" role="alert">
      <p>
        <strong>{signedOut ? "You are not signed in, or your sign-in has ended." : "The server refuses this."}</strong>{" "}
        {signedOut ? "Sign in to the app in another tab, then reload this page." : message} <code>{code}</code>
      </p>
      <button type="button" class="button" onClick={() => location.reload()}>
        <Icon name="again" /> Reload the page
      </button>
    </div>
  );
}

/**
 * Reports that events were missed and the thread was loaded again. The page shows the complete thread, but not how it
 * developed.
 */
export function Missed() {
  const { missed } = conversation.value;
  return (
    <div class="banner">
      <p>Some events were missed and are no longer kept. The conversation below is complete.</p>
      <button
        type="button"
        class="button"
        onClick={() => {
          missed.value = false;
        }}
      >
        Good
      </button>
    </div>
  );
}
