import { useState } from "preact/hooks";
import { signIn } from "../state/sign-in.ts";
import { asked } from "../state/start.ts";
import { expiring } from "../transport/credentials.ts";
import { lineError } from "../transport/http.ts";

const REASONS = {
  in: "This server asks for an API key or a token.",
  again: "Your sign-in has expired. Sign in again to continue.",
  expiring: "Your sign-in expires within a minute. Enter a new token to stay signed in. Active runs continue.",
};

/**
 * Asks for a key or a token. If the page is not signed in, the form covers the page. If the token expires soon, it is
 * shown next to the conversation.
 */
export function SignIn() {
  const [typed, type] = useState("");
  const [problem, setProblem] = useState("");
  const [busy, setBusy] = useState(false);
  const why = asked.value;
  if (!why) return null;
  const submit = async (event: Event) => {
    event.preventDefault();
    const key = typed.trim();
    if (key === "" || busy) return;
    setBusy(true);
    try {
      await signIn(key);
    } catch (thrown) {
      setProblem(lineError(thrown).message);
    }
    setBusy(false);
  };
  return (
    <dialog
      key={why}
      class="sign-in"
      aria-labelledby="sign-in"
      // When the token expires soon, the dialog is not modal: the person may be typing.
      open={why === "expiring"}
      ref={why === "expiring" ? undefined : openOver}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // Otherwise Escape would stop the run.
        if (why === "expiring") later();
      }}
    >
      <form onSubmit={(event) => void submit(event)}>
        <h2 id="sign-in">Sign in</h2>
        <p>{REASONS[why]}</p>
        <input
          class="field"
          type="password"
          aria-label="API key or token"
          autocomplete="off"
          value={typed}
          onInput={({ currentTarget }) => type(currentTarget.value)}
        />
        {problem && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <p class="quiet small">It is kept in memory only, until you close or reload the page.</p>
        <div class="row">
          <button type="submit" class="button primary" disabled={busy}>
            Sign in
          </button>
          {why === "expiring" && (
            <button type="button" class="button" onClick={later}>
              Later
            </button>
          )}
        </div>
      </form>
    </dialog>
  );
}

function later(): void {
  expiring.value = false;
}

function openOver(dialog: HTMLDialogElement | null): void {
  if (dialog && !dialog.open) dialog.showModal();
}
