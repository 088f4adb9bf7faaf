import { useState } from "preact/hooks";
import { signIn } from "../state/sign-in.ts";
import { asked } from "../state/start.ts";
import { expiring } from "../transport/credentials.ts";
import { lineError } from "../transport/http.ts";

const REASONS = {
  in: "This server asks for an API key or a token.",
  again: "Your sign-in has ended. Sign in once more to go on.",
  expiring: "Your sign-in ends within a minute. A new token keeps you here; what runs goes on.",
};

/** Asks for a key or a token. Without one it lies over the page; before one expires it lies beside the conversation. */
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
      // It takes no focus from a person that writes.
      open={why === "expiring"}
      ref={why === "expiring" ? undefined : openOver}
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault(); // Elsewhere Escape stops a run.
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
        <p class="quiet small">It stays in this page's memory, and is gone with the page.</p>
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
