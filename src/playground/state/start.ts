/** Sets the page going: which agents there are, which thread it shows, and the line that follows it. */
import { computed, effect, signal, untracked } from "@preact/signals";
import { expiring, signIns, takesTokens, token } from "../transport/credentials.ts";
import { lineError, request, requestJson } from "../transport/http.ts";
import { openTransport } from "../transport/open.ts";
import type { LineError, Listener } from "../transport/transport.ts";
import { busy, conversation, newConversation, rescueUnsent } from "./chat.ts";
import { freshId } from "./ids.ts";
import { type AgentInfo, agent, agents, base, lastRun, running, threadId, transport } from "./session.ts";
import { reasoning, showTheme, tokens, transportKind } from "./settings.ts";
import { tap } from "./tap.ts";
import { moreThreads, reloadThreads, type ThreadInfo, threads } from "./threads.ts";

/** Why the server cannot be talked to at all. */
export const doorError = signal<LineError | undefined>(undefined);
/** WebSockets do not get through to the server, though HTTP does. */
export const noWebSocket = signal(false);
/** Why the thread is followed no more. */
export const threadError = signal<LineError | undefined>(undefined);
/** The page cannot go on, and waiting is of no use: the worst reason. */
export const refused = computed(() => {
  const line = transport.value?.state.value;
  return [doorError.value, line?.status === "closed" ? line.error : undefined, threadError.value].find(
    (error) => error && error.code !== "unreachable",
  );
});

/** Why the page asks for a key or a token: to get in, to get in again, or to stay. */
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

/** Goes to a thread, known to the server or not. */
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
  // An address without a thread is not come back to: it would lead to yet another new one.
  if (threadInHash()) history.pushState(null, "", hash);
  else history.replaceState(null, "", hash);
}

export function newThread(): void {
  openThread(freshId());
}

function threadInHash(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get("thread") ?? undefined;
}

/** Opens a line of the kind that is chosen, in place of the one before. */
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

/** Follows the thread over the transport, and again when one of them or the narrowing changes. */
function follow(): (() => void) | undefined {
  const [line, id] = [transport.value, threadId.value];
  const narrowing = { tokens: tokens.value, reasoning: reasoning.value };
  // Over bare events an agent's route gives the history.
  if (!line || !id || agents.value.length === 0) return undefined;
  // The transport's own state is no reason to follow the thread again.
  return untracked(() => line.follow(id, narrowing, listener()));
}

/** Shows what comes in the conversation of this moment. */
export function listener(): Listener {
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

/** A socket that fails so many times in a row, each time while HTTP works, does not get through. */
const BLOCKED_AFTER = 2;
let failedAlone = 0;

/** A socket that is not let in looks like a lost network to a page: only HTTP says why. */
function askWhy(): void {
  const line = transport.value;
  const status = line?.state.value.status;
  if (status === "open") {
    doorError.value = undefined;
    noWebSocket.value = false;
    failedAlone = 0;
  }
  // On a wire that was cut on purpose nothing is wrong.
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

/** Titles, order and what waits change with each run. */
function refreshAfterRuns(): void {
  if (agents.value.length === 0) return;
  void conversation.value.run.value?.runId;
  void reloadThreads();
}

/** Asks for the agents until they are known, or until asking is of no use. */
export async function loadAgents(): Promise<void> {
  clearTimeout(retry);
  try {
    // A thread goes on with the agent that answered there last, and the list of threads knows which.
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

/** The one that answered on the thread last; else the one that was chosen before, or the first. */
function chooseAgent(): void {
  const id = threadId.value;
  const listed = threads.value.find((thread) => thread.threadId === id);
  choose(listed?.agent);
  // The server is asked for a thread that an address names and the list does not reach.
  if (listed || !moreThreads.value || threadInHash() !== id) return;
  requestJson<ThreadInfo>(new URL(`threads/${encodeURIComponent(id)}`, base)).then(
    (thread) => id === threadId.value && choose(thread.agent),
    () => {}, // Nobody answered on it yet: any agent will do.
  );
}

function choose(answered: string | undefined): void {
  const known = [answered, agent.value].find((name) => agents.value.some((one) => one.name === name));
  agent.value = known ?? agents.value[0]?.name ?? "";
}
