import { useEffect, useRef, useState } from "preact/hooks";
import { agent, threadId } from "../state/session.ts";
import { asked, newThread, openThread } from "../state/start.ts";
import {
  moreThreads,
  reloadThreads,
  showMoreThreads,
  type ThreadInfo,
  threads,
  threadsError,
} from "../state/threads.ts";
import { token } from "../transport/credentials.ts";
import { Action } from "./action.tsx";
import { Icon } from "./icons.tsx";
import { lazy } from "./lazy.tsx";
import { ThemeSwitch } from "./theme-switch.tsx";

/** The properties of a form for a thread, which replaces the thread in the list. */
export interface ThreadFormProps {
  readonly threadId: string;
  readonly title: string;
  readonly onDone: () => void;
}

const DeleteForm = lazy(async () => (await import("./later.tsx")).DeleteForm);
const ShareForm = lazy(async () => (await import("../seldom.ts")).ShareForm);

/** The list of conversations. `drawer`: it covers the page, gets the focus, and closes with Escape. */
export function Sidebar({ onLeave, drawer }: { onLeave: () => void; drawer: boolean }) {
  const box = useRef<HTMLElement>(null);
  useEffect(() => {
    if (drawer) box.current?.querySelector<HTMLElement>(".new")?.focus();
  }, [drawer]);
  const go = (id?: string) => {
    if (id === undefined) newThread();
    else openThread(id);
    onLeave();
  };
  return (
    <nav
      class="sidebar"
      aria-label="Conversations"
      ref={box}
      onKeyDown={(event) => {
        if (event.key !== "Escape" || !drawer) return;
        event.preventDefault(); // Otherwise Escape would stop the run.
        onLeave();
      }}
    >
      <div class="brand">
        <Wave />
        <span>Sluice</span>
        <ThemeSwitch />
      </div>
      <button type="button" class="button new" onClick={() => go()}>
        <Icon name="plus" /> New conversation
      </button>
      <div class="heading">
        <h2>Conversations</h2>
        <Action name="Reload conversations" icon="again" onClick={() => void reloadThreads()} />
      </div>
      {threadsError.value && threads.value.length === 0 && !asked.value && (
        <p class="problem">{threadsError.value.message}</p>
      )}
      {threads.value.length === 0 && !threadsError.value && <p class="quiet small none">None yet.</p>}
      <ul class="threads">
        {threads.value.map((thread) => (
          <Thread key={thread.threadId} thread={thread} onOpen={() => go(thread.threadId)} />
        ))}
      </ul>
      {moreThreads.value && (
        <button type="button" class="link" onClick={() => void showMoreThreads()}>
          Older conversations
        </button>
      )}
      {token.value !== undefined && (
        <button type="button" class="button out" onClick={() => void signOut()}>
          Sign out
        </button>
      )}
    </nav>
  );
}

function Thread({ thread, onOpen }: { thread: ThreadInfo; onOpen: () => void }) {
  const [form, show] = useState<typeof DeleteForm>();
  const current = thread.threadId === threadId.value;
  const title = thread.title || "Untitled";
  const Form = form;
  if (Form)
    return (
      <li
        class="asking"
        onKeyDown={(event) => {
          if (event.key !== "Escape") return;
          event.preventDefault();
          event.stopPropagation();
          show(undefined);
        }}
      >
        <Form threadId={thread.threadId} title={title} onDone={() => show(undefined)} />
      </li>
    );
  return (
    <li class={current ? "current" : ""}>
      <button type="button" class="open" aria-current={current ? "page" : undefined} onClick={onOpen}>
        <span class="title" dir="auto">
          {title}
        </span>
        <span class="about">
          {thread.active && <span class="live">running</span>}
          {thread.waiting && <span class="waiting">waits for you</span>}
          {thread.agent && thread.agent !== agent.value && !thread.active && !thread.waiting && thread.agent}
        </span>
      </button>
      <Action name={`Share ${title}`} icon="share" onClick={() => show(() => ShareForm)} />
      <Action name={`Delete ${title}`} icon="trash" onClick={() => show(() => DeleteForm)} />
    </li>
  );
}

async function signOut(): Promise<void> {
  (await import("../seldom.ts")).signOut();
}

function Wave() {
  return (
    <svg viewBox="0 0 32 32" width="24" height="24" aria-hidden="true" class="wave">
      <rect width="32" height="32" rx="8" />
      <path d="M6 12c3.3 0 3.3 3 6.7 3s3.3-3 6.6-3 3.4 3 6.7 3M6 19c3.3 0 3.3 3 6.7 3s3.3-3 6.6-3 3.4 3 6.7 3" />
    </svg>
  );
}
