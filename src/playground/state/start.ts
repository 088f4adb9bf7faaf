/** Starts the page: loads the agents, chooses the thread, and opens the line that follows the thread. */
import { computed, effect, signal, untracked } from "@preact/signals";
import { expiring, signIns, takesTokens, token } from "../transport/credentials.ts";
import { lineError, request, requestJson } from "../transport/http.ts";
import { openTransport } from "../transport/open.ts";
import type { LineError, ThreadListener } from "../transport/transport.ts";
import { busy, conversation, newConversation, rescueUnsent } from "./chat.ts";
import { freshId } from "./ids.ts";
import { type AgentInfo, agent, agents, base, lastRun, running, threadId, transport } from "./session.ts";
import { reasoning, showTheme, tokens, transportKind } from "./settings.ts";
import { tap } from "./tap.ts";
import { moreThreads, reloadThreads, type ThreadInfo, threads } from "./threads.ts";

/** Why the server refuses or cannot be reached. */
export const doorError = signal<LineError | undefined>(undefined);
/** WebSockets do not reach the server, but HTTP does. */
export const noWebSocket = signal(false);
/** Why the thread is no longer followed. */
export const threadError = signal<LineError | undefined>(undefined);
/** The most important reason why the page cannot continue, if waiting does not help. */
export const refused = computed(() => {
  const line = transport.value?.state.value;
  return [doorError.value, line?.status === "closed" ? line.error : undefined, threadError.value].find(
    (error) => error && error.code !== "unreachable",
  );
});

/** Why the page asks for a key or a token: to sign in, to sign in again, or to stay signed in. */
export const asked = computed<"in" | "again" | "expiring" | undefined>(() => {
  const known = token.value !== undefined;
  if (refused.value?.code === "unauthorized" && (known || takesTokens.value)) return known ? "again" : "in";
  return expiring.value ? "expiring" : undefined;
});

const RETRY_MS = 2_000;
let retry: ReturnType<typeof setTimeout> | undefined;

export function startPage(): void {
  addEventListener("pagehide", rescueUnsent);
  addEventListener("hashchange", () => openThread(threadInHash() || freshId()));
  openThread(threadInHash() || freshId());
  showTheme();
  effect(() => {
    running.value = busy.value;
  });
  effect(connect);
  effect(follow);
  effect(refreshAfterRuns);
  effect(askWhy);
  void loadAgents();
}

/** Opens a thread, whether or not the server knows it. */
export function openThread(id: string): void {
  if (id === threadId.value) return;
  newConversation();
  tap.clear();
  lastRun.value = undefined;
  threadError.value = undefined;
  threadId.value = id;
  chooseAgent();
  const hash = `#thread=${encodeURIComponent(id)}`;
  if (location.hash === hash) return;
  // An address without a thread is replaced in the history: the Back button would open another new thread.
  if (threadInHash()) history.pushState(null, "", hash);
  else history.replaceState(null, "", hash);
}

export function newThread(): void {
  openThread(freshId());
}

function threadInHash(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get("thread") ?? undefined;
}

/** Opens a line of the chosen kind. The returned function closes it. */
function connect(): () => void {
  void signIns.value;
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

/** Follows the thread, and again when the transport, the thread or the narrowing changes. */
function follow(): (() => void) | undefined {
  const [line, id] = [transport.value, threadId.value];
  const narrowing = { tokens: tokens.value, reasoning: reasoning.value };
  // The agents must be known, because over bare events an agent's route returns the history.
  if (!line || !id || agents.value.length === 0) return undefined;
  // The transport's own state is no reason to follow the thread again.
  return untracked(() => line.follow(id, narrowing, listener()));
}

/** Makes a listener that shows the events in the current conversation. */
export function listener(): ThreadListener {
  const shown = conversation.peek();
  return {
    onEvent: (received) => {
      tap.push(received);
      shown.apply(received.event, received.at);
    },
    onBeginning: (missed = false) => {
      shown.known.value = false;
      shown.missed.value ||= missed;
      threadError.value = undefined;
    },
    onResume: (resume) => tap.resumed(resume),
    onError: (error) => {
      threadError.value = error;
    },
  };
}

/** After so many failures in a row while HTTP works, WebSockets count as blocked. */
const BLOCKED_AFTER = 2;
let failedAlone = 0;

/** Asks over HTTP why the line is lost: to a page, a refused socket looks like a lost network. */
function askWhy(): void {
  const line = transport.value;
  const status = line?.state.value.status;
  if (status === "open") {
    doorError.value = undefined;
    noWebSocket.value = false;
    failedAlone = 0;
  }
  // A wire that was cut on purpose is not an error.
  if (status !== "waiting" || line?.down) return;
  request(new URL("agui/info", base)).then(
    () => {
      failedAlone += 1;
      noWebSocket.value = line !== undefined && line.kind !== "sse" && failedAlone >= BLOCKED_AFTER;
    },
    (thrown: unknown) => {
      failedAlone = 0;
      const error = lineError(thrown);
      if (!error.retryable) doorError.value = error;
    },
  );
}

/** Reloads the threads when a run begins or ends: their titles, order and open questions change. */
function refreshAfterRuns(): void {
  if (agents.value.length === 0) return;
  void conversation.value.run.value?.runId;
  void reloadThreads();
}

/** Loads the agents, and tries again as long as the error is retryable. */
export async function loadAgents(): Promise<void> {
  clearTimeout(retry);
  try {
    // A thread continues with the agent that answered last, which the list of threads contains.
    const [info] = await Promise.all([
      requestJson<{ agents: Readonly<Record<string, AgentInfo>> }>(new URL("agui/info", base)),
      reloadThreads(),
    ]);
    const found = Object.entries(info.agents).map(([name, about]) => ({ ...about, name }));
    agents.value = found;
    chooseAgent();
    doorError.value = undefined;
  } catch (thrown) {
    doorError.value = lineError(thrown);
    clearTimeout(retry);
    if (doorError.value.retryable) retry = setTimeout(() => void loadAgents(), RETRY_MS);
  }
}

/** Chooses the agent that answered last on the thread, else the current agent, else the first. */
function chooseAgent(): void {
  const id = threadId.value;
  const listed = threads.value.find((thread) => thread.threadId === id);
  choose(listed?.agent);
  // If the address names a thread that the list does not contain, ask the server for it.
  if (listed || !moreThreads.value || threadInHash() !== id) return;
  requestJson<ThreadInfo>(new URL(`threads/${encodeURIComponent(id)}`, base)).then(
    (thread) => id === threadId.value && choose(thread.agent),
    () => {}, // No agent has answered on the thread yet, so any agent is fine.
  );
}

function choose(answered: string | undefined): void {
  const known = [answered, agent.value].find((name) => agents.value.some((one) => one.name === name));
  agent.value = known ?? agents.value[0]?.name ?? "";
}
