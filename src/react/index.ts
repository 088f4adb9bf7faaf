"use client";
/** A thread of Sluice in a React component. It needs React and a WebSocket, and no `@ag-ui/client`. */
import { useCallback, useEffect, useMemo, useReducer, useRef, useState } from "react";
import { type ConnectionState, type RunOptions, SluiceConnection } from "../client/connection.ts";
import type { ConnectionError } from "../client/connection-error.ts";
import type { InjectedMessage } from "../client/injected.ts";
import type { LineOptions } from "../client/line.ts";
import type { Interrupt, Message, ResumeEntry, RunAgentInput } from "../protocol/events.ts";
import { changed, emptyThread, type ThreadError, type ToolUse, toolsOf } from "./thread.ts";

export type { ConnectionState, InjectedMessage, Interrupt, Message, ResumeEntry, ThreadError, ToolUse };

/** Another `url` or `threadId` opens another connection. A change of any other option holds for what is sent after it. */
export interface SluiceThreadOptions extends LineOptions, Pick<RunOptions, "agent"> {
  readonly threadId: string;
  /** Sent with each run, such as `tools` that this page carries out. */
  readonly input?: Omit<Partial<RunAgentInput>, "threadId" | "runId" | "messages" | "resume">;
}

/** A thread as a component sees it, and what the component can do with it. */
export interface SluiceThread {
  /** All messages of the thread, from every client. The last messages may not have reached the server yet. */
  readonly messages: readonly Message[];
  /** The tool calls of the messages, each with its result as soon as there is one. */
  readonly tools: readonly ToolUse[];
  /** The open questions of the graph. A new message is refused until they are answered. */
  readonly interrupts: readonly Interrupt[];
  /** Messages that any client sent into a run and that the thread does not have: they wait, or were returned. */
  readonly injected: readonly InjectedMessage[];
  readonly isRunning: boolean;
  /** Why the last run failed, or the last request was refused. */
  readonly error: ThreadError | undefined;
  readonly connection: ConnectionState;
  /** Starts a run with a text of the user, or with messages such as the results of the page's own tools. */
  send(content: string | readonly Message[]): void;
  /**
   * Sends a text into the active run, which takes it when its graph can. If no run is active any more, it starts a run.
   * A message that is returned stays in `injected` until it is sent again with its id, or dismissed.
   */
  inject(content: string): void;
  /** Takes a message out of `injected`. */
  dismiss(id: string): void;
  /** Answers all open interrupts: all with one payload, or each with an entry of its own. */
  resume(answer: { readonly payload: unknown } | { readonly entries: readonly ResumeEntry[] }): void;
  /** Cancels the active run, even if another client started it. */
  stop(): void;
  /** Connects at once, also after the connection was given up. */
  reconnect(): void;
}

/**
 * Follows a thread for as long as the component is there. After a lost connection it continues where it was. Runs go on
 * meanwhile.
 */
export function useSluiceThread(options: SluiceThreadOptions): SluiceThread {
  const { threadId } = options;
  const url = String(options.url);
  const [followed, change] = useReducer(changed, threadId, emptyThread);
  const [connection, setConnection] = useState<ConnectionState>({ status: "idle" });
  const [attempt, setAttempt] = useState(0);
  const opened = useRef<SluiceConnection>(undefined);
  const latest = useRef(options);
  useEffect(() => {
    latest.current = options;
  });

  useEffect(() => {
    let left = false;
    const onState = (state: ConnectionState) => {
      if (!left) setConnection(state);
    };
    const socket = new SluiceConnection({ ...latest.current, url, onState });
    opened.current = socket;
    change({ kind: "follow", threadId });
    socket.subscribe(threadId, {
      onEvent: (event) => change({ kind: "event", event }),
      onError: (error) => {
        if (!left) change({ kind: "refused", messages: [], error });
      },
    });
    return () => {
      left = true;
      socket.close();
    };
  }, [url, threadId, attempt]);

  const run = useCallback(
    (messages: readonly Message[], resume?: readonly ResumeEntry[]) => {
      const { agent, input } = latest.current;
      change({ kind: "sent", messages });
      const runs = {
        ...input,
        threadId,
        runId: newId(),
        messages: [...messages],
        ...(resume ? { resume: [...resume] } : {}),
      };
      const onError = (error: ConnectionError) => change({ kind: "refused", messages, error });
      const following = opened.current?.run(runs as RunAgentInput, { ...(agent ? { agent } : {}), onError });
      // The subscription gets the run's events, so the run is followed only until it is confirmed.
      following?.confirmed.then(following.unsubscribe, () => {});
    },
    [threadId],
  );

  const thread = followed.id === threadId ? followed : emptyThread(threadId);
  const { injected, interrupts, runId, error } = thread;
  const messages = useMemo(() => [...thread.messages, ...thread.unsent], [thread.messages, thread.unsent]);
  const tools = useMemo(() => toolsOf(messages), [messages]);
  return {
    messages,
    tools,
    interrupts,
    injected,
    isRunning: runId !== undefined,
    error,
    connection,
    send: useCallback(
      (content) => run(typeof content === "string" ? [{ id: newId(), role: "user", content }] : content),
      [run],
    ),
    inject: useCallback(
      (content) => {
        const message = { id: newId(), content };
        change({ kind: "injected", message: { ...message, state: "sending" } });
        opened.current?.inject(threadId, message).catch((error: ConnectionError) => {
          if (error.code === "not_found") {
            change({ kind: "dismissed", id: message.id });
            run([{ ...message, role: "user" }]);
            return;
          }
          change({ kind: "injected", message: { ...message, state: "returned", problem: error.message } });
          change({ kind: "refused", messages: [], error });
        });
      },
      [run, threadId],
    ),
    dismiss: useCallback((id) => change({ kind: "dismissed", id }), []),
    resume: (answer) =>
      run([], "entries" in answer ? answer.entries : interrupts.map(({ id }) => resolved(id, answer.payload))),
    stop: useCallback(() => {
      opened.current?.cancel(threadId).catch((error: ConnectionError) => {
        // A run that has just ended needs no cancelling.
        if (error.code !== "not_found") change({ kind: "refused", messages: [], error });
      });
    }, [threadId]),
    reconnect: useCallback(() => {
      if (opened.current?.state.status === "waiting") opened.current.retryNow();
      else setAttempt((count) => count + 1);
    }, []),
  };
}

function resolved(interruptId: string, payload: unknown): ResumeEntry {
  return { interruptId, status: "resolved", payload };
}

/** `crypto.randomUUID` is missing on pages that came over plain HTTP from another machine. */
function newId(): string {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, "0")).join("");
}
