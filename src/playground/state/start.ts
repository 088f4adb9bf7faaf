/** Sets the page going: which agents there are, which thread it shows, and the line that follows it. */
import { effect, signal, untracked } from "@preact/signals";
import { lineError, requestJson } from "../transport/http.ts";
import { openTransport } from "../transport/open.ts";
import type { LineError, Listener } from "../transport/transport.ts";
import { busy, conversation, newConversation } from "./chat.ts";
import { freshId } from "./ids.ts";
import { type AgentInfo, agent, agents, base, running, threadId, transport } from "./session.ts";
import { reasoning, theme, tokens, transportKind } from "./settings.ts";
import { tap } from "./tap.ts";
import { reloadThreads, threads } from "./threads.ts";

/** Why the server cannot be talked to at all. */
export const doorError = signal<LineError | undefined>(undefined);
/** Why the thread is followed no more. */
export const threadError = signal<LineError | undefined>(undefined);

const RETRY_MS = 2_000;

export function startPage(): void {
  addEventListener("hashchange", () => openThread(threadInHash() ?? freshId()));
  openThread(threadInHash() ?? freshId());
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
  effect(() => {
    running.value = busy.value;
  });
  effect(connect);
  effect(follow);
  effect(refreshAfterRuns);
  void loadAgents();
}

/** Goes to a thread, known to the server or not. */
export function openThread(id: string): void {
  if (id === threadId.value) return;
  newConversation();
  threadError.value = undefined;
  threadId.value = id;
  const answered = threads.value.find((thread) => thread.threadId === id)?.agent;
  if (answered && agents.value.some(({ name }) => name === answered)) agent.value = answered;
  const hash = `#thread=${encodeURIComponent(id)}`;
  if (location.hash !== hash) history.pushState(null, "", hash);
}

export function newThread(): void {
  openThread(freshId());
}

function threadInHash(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get("thread") ?? undefined;
}

/** Opens a line of the kind that is chosen, in place of the one before. */
function connect(): () => void {
  const opened = openTransport(transportKind.value, base, () => agent.peek());
  let chosen = true;
  opened.then(
    (line) => {
      if (chosen) transport.value = line;
      else line.close();
    },
    (thrown: unknown) => {
      doorError.value = lineError(thrown);
    },
  );
  return () => {
    chosen = false;
    const line = transport.peek();
    transport.value = undefined;
    line?.close();
  };
}

/** Follows the thread over the line, and anew when one of them or what is left out changes. */
function follow(): (() => void) | undefined {
  const [line, id] = [transport.value, threadId.value];
  const narrowing = { tokens: tokens.value, reasoning: reasoning.value };
  // Over bare events an agent's route tells the history.
  if (!line || !id || agents.value.length === 0) return undefined;
  const shown = conversation.peek();
  const listener: Listener = {
    onEvent: (received) => {
      tap.push(received);
      shown.apply(received.event, received.at);
    },
    onBeginning: () => {
      shown.known.value = false;
      threadError.value = undefined;
    },
    onResume: (resume) => tap.resumed(resume),
    onError: (error) => {
      threadError.value = error;
    },
  };
  // What the line reads of its own state is no reason to follow anew.
  return untracked(() => line.follow(id, narrowing, listener));
}

/** Titles, order and what waits change with each run. */
function refreshAfterRuns(): void {
  if (agents.value.length === 0) return;
  void conversation.value.run.value?.runId;
  void reloadThreads();
}

/** @returns once the agents are known: it asks until they are, or until asking is of no use. */
export async function loadAgents(): Promise<void> {
  try {
    const info = await requestJson<{ agents: Readonly<Record<string, AgentInfo>> }>(new URL("agui/info", base));
    const found = Object.entries(info.agents).map(([name, about]) => ({ ...about, name }));
    const known = threads.value.find((thread) => thread.threadId === threadId.value)?.agent;
    if (!agent.value) agent.value = known ?? found[0]?.name ?? "";
    agents.value = found;
    doorError.value = undefined;
  } catch (thrown) {
    doorError.value = lineError(thrown);
    if (doorError.value.retryable) setTimeout(() => void loadAgents(), RETRY_MS);
  }
}
