import { useEffect, useState } from "preact/hooks";
import { makeLink, revoke, type Share, sharesOf } from "../state/shared.ts";
import { lineError } from "../transport/http.ts";
import { CopyAction } from "./action.tsx";
import { focusOnce } from "./focus.ts";
import type { ThreadFormProps } from "./sidebar.tsx";

/** Makes and revokes links to a thread. */
export function ShareForm({ threadId, onDone }: ThreadFormProps) {
  const [shares, setShares] = useState<readonly Share[]>([]);
  const [link, setLink] = useState("");
  const [problem, setProblem] = useState("");
  const attempt = async (action: () => Promise<void>) => {
    setProblem("");
    try {
      await action();
      setShares(await sharesOf(threadId));
    } catch (thrown) {
      setProblem(lineError(thrown).message);
    }
  };
  useEffect(() => void attempt(async () => {}), [threadId]);
  return (
    <>
      <p>A person with a link can watch this conversation, but not write.</p>
      {link && (
        <div class="row made">
          <input class="field" aria-label="Link" readOnly value={link} ref={select} />
          <CopyAction name="Copy link" text={() => link} />
        </div>
      )}
      {link && <p class="quiet">Copy it now: it is not shown again.</p>}
      {problem && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <ul class="links" aria-label="Links">
        {shares.map((share) => (
          <li key={share.share}>
            <span>{new Date(share.madeAt).toLocaleString()}</span>
            <button
              type="button"
              class="link"
              onClick={() =>
                void attempt(async () => {
                  await revoke(threadId, share);
                  setLink("");
                })
              }
            >
              Revoke
            </button>
          </li>
        ))}
      </ul>
      <div class="row">
        <button
          type="button"
          class="button primary"
          ref={focusOnce}
          onClick={() => void attempt(async () => setLink(await makeLink(threadId)))}
        >
          Make a link
        </button>
        <button type="button" class="button" onClick={onDone}>
          Done
        </button>
      </div>
    </>
  );
}

function select(element: HTMLInputElement | null): void {
  element?.select();
}
