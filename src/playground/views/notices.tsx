/** Notices that stay until a person has done something. */
import { conversation } from "../state/chat.ts";
import { refused } from "../state/start.ts";
import { Icon } from "./icons.tsx";

export function Refused() {
  const { code, message } = refused.value ?? {};
  const signedOut = code === "unauthorized";
  return (
    <div class="banner bad" role="alert">
      <p>
        <strong>{signedOut ? "You are not signed in, or no longer." : "The server refuses this."}</strong>{" "}
        {signedOut ? "Sign in to the app that serves this page, in another tab. Then reload this one." : message}{" "}
        <code>{code}</code>
      </p>
      <button type="button" class="button" onClick={() => location.reload()}>
        <Icon name="again" /> Reload the page
      </button>
    </div>
  );
}

/** The thread came once more. The page shows all there is, but it did not see how it came about. */
export function Missed() {
  const { missed } = conversation.value;
  return (
    <div class="banner">
      <p>Events that came while this page was away are no longer kept. The conversation below is complete.</p>
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
