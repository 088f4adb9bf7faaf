import { useState } from "preact/hooks";
import { base, threadId } from "../state/session.ts";
import { newThread } from "../state/start.ts";
import { threads } from "../state/threads.ts";
import { lineError, request } from "../transport/http.ts";
import { focusOnce } from "./focus.ts";
import type { ThreadFormProps } from "./sidebar.tsx";

/** Asks whether to delete a thread. */
export function DeleteForm({ threadId: id, title, onDone }: ThreadFormProps) {
  const [problem, setProblem] = useState("");
  const remove = async () => {
    try {
      await deleteThread(id);
      if (threadId.value === id) newThread();
    } catch (thrown) {
      setProblem(lineError(thrown).message);
    }
  };
  return (
    <>
      <p>{problem || `Delete “${title.slice(0, 40)}”?`}</p>
      <div class="row">
        <button type="button" class="button danger" ref={focusOnce} onClick={() => void remove()}>
          Delete
        </button>
        <button type="button" class="button" onClick={onDone}>
          Keep
        </button>
      </div>
    </>
  );
}

/** @throws LineError */
async function deleteThread(id: string): Promise<void> {
  try {
    await request(new URL(`threads/${encodeURIComponent(id)}`, base), { method: "DELETE" });
  } catch (thrown) {
    const error = lineError(thrown);
    if (error.code !== "not_found") throw error; // The thread is already deleted.
  }
  threads.value = threads.value.filter((thread) => thread.threadId !== id);
}
