/**
 * A WebSocket that carries only events, without cursors. Each time it opens, the page requests the thread's history
 * over HTTP. An active run is sent from its beginning again, and replaces its earlier events.
 */
import type { Narrowing } from "../../client/connection.ts";
import { readSse } from "../../client/sse.ts";
import { bytesOf } from "../../client/subscription.ts";
import { TOO_LARGE } from "../../protocol/errors.ts";
import { type AguiEvent, EventType, isTerminal, type RunAgentInput } from "../../protocol/events.ts";
import { Attempts } from "./attempts.ts";
import { expiring, token } from "./credentials.ts";
import { lineError, queryOf, request, requestJson, unreachable } from "./http.ts";
import { injector } from "./inject.ts";
import { ResumeCount } from "./resume-count.ts";
import type { LineError, ThreadListener, Transport } from "./transport.ts";
import { Wire, WiredSocket } from "./wire.ts";

interface Start {
  readonly runId: string;
  readonly text: string;
  readonly taken: () => void;
  readonly refused: (error: LineError) => void;
}

interface Message {
  readonly event: AguiEvent;
  readonly bytes: number;
}

export function bareTransport(base: URL, agentName: () => string): Transport {
  const wire = new Wire();
  const attempts = new Attempts(connect);
  let threadId = "";
  let query = "";
  let listener: ThreadListener | undefined;
  let socket: WiredSocket | undefined;
  /** Messages that arrived before the history was complete. */
  let waiting: Message[] | undefined;
  let start: Start | undefined;
  /** The number of events of the active run so far. */
  let seen = 0;
  const count = new ResumeCount((resume) => listener?.onResume(resume));

  function connect(): void {
    hangUp();
    const opened = new WiredSocket(wire, address(), undefined);
    socket = opened;
    const early: Message[] = [];
    waiting = early;
    opened.onmessage = ({ data }) => {
      const message = read(String(data));
      // This event is not about the thread, so it need not wait for the history.
      if (message.event.type === EventType.CUSTOM && message.event.name === "sluice.token_expiring")
        expiring.value = true;
      else if (waiting) waiting.push(message);
      else hand(message);
    };
    opened.onclose = ({ code, reason }) => {
      if (socket !== opened) return;
      socket = undefined;
      count.lost(undefined);
      const said = reason || `The socket closed with ${code}.`;
      attempts.lost(said, code);
      // Only the message was too large: the line reconnects without it.
      if (code === TOO_LARGE) refuse({ code: "payload_too_large", message: said, retryable: false });
      if (attempts.state.value.error && attempts.state.value.status === "closed")
        listener?.onError(attempts.state.value.error);
    };
    opened.onopen = () => {
      attempts.opened();
      attempts.useful();
      count.open(undefined);
      history(early)
        .catch((thrown: unknown) => {
          if (socket === opened) listener?.onError(lineError(thrown));
        })
        .finally(() => {
          if (socket !== opened) return;
          waiting = undefined;
          for (const message of early) hand(message);
          count.finish();
          if (start) opened.send(start.text);
        });
    };
  }

  /**
   * Returns the socket's address. A browser cannot send headers with a WebSocket, so a page that is signed in uses a
   * ticket.
   */
  async function address(): Promise<string> {
    const url = new URL(`ws?thread=${encodeURIComponent(threadId)}&${query}`, base);
    url.protocol = url.protocol.replace("http", "ws");
    if (token.peek() !== undefined) {
      const { ticket } = await requestJson<{ ticket: string }>(new URL("tickets", base), { method: "POST" });
      url.searchParams.set("ticket", ticket);
    }
    return url.href;
  }

  /** Reports the thread's state up to the active run, which the socket sends from its beginning. */
  async function history(early: readonly Message[]): Promise<void> {
    const url = new URL(`agui/agent/${encodeURIComponent(agentName())}/connect?${query}`, base);
    const { body } = await request(url, { method: "POST", body: { threadId } });
    if (!body) return;
    let standing = false;
    for await (const { data } of readSse(body)) {
      const message = read(data);
      const { event } = message;
      hand(message, false);
      if (isTerminal(event.type)) return;
      standing ||= event.type === EventType.MESSAGES_SNAPSHOT;
      if (standing && early.length > 0) return;
    }
  }

  function hand({ event, bytes }: Message, counts = true): void {
    if (refuses(event)) return;
    if (counts) {
      if (event.type === EventType.RUN_STARTED) seen = 0;
      seen += 1;
      if (start && event.type === EventType.RUN_STARTED && event.runId === start.runId) {
        start.taken();
        start = undefined;
      }
    }
    const replayed = counts ? count.heard({ entries: 1 }) : false;
    if (isTerminal(event.type)) seen = 0;
    listener?.onEvent({ event, cursor: undefined, entries: counts ? 1 : 0, bytes, at: performance.now(), replayed });
  }

  /** Returns whether an event reports that the start of a run was refused. */
  function refuses(event: AguiEvent): boolean {
    if (!start) return false;
    let error: LineError | undefined;
    if (event.type === EventType.RUN_ERROR && seen === 0)
      error = lineError({ ...event, retryable: event.metadata?.retryable });
    if (event.type === EventType.CUSTOM && event.name === "sluice.error") error = lineError(event.value);
    if (error) refuse(error);
    return error !== undefined;
  }

  function refuse(error: LineError): void {
    start?.refused(error);
    start = undefined;
  }

  function hangUp(): void {
    const old = socket;
    socket = undefined;
    if (old) old.onclose = old.onmessage = null;
    old?.close();
  }

  const leave = () => {
    listener = undefined;
    start?.taken();
    start = undefined;
    seen = 0;
    count.stop();
    hangUp();
  };

  return {
    kind: "bare",
    state: attempts.state,
    follow(thread: string, narrowing: Narrowing, next: ThreadListener) {
      leave();
      threadId = thread;
      listener = next;
      query = queryOf(narrowing);
      next.onBeginning();
      attempts.now();
      return () => {
        if (listener === next) leave();
      };
    },
    run(agent: string, input: RunAgentInput) {
      return new Promise<void>((taken, refused) => {
        start = { runId: input.runId, text: JSON.stringify({ type: "run", agent, input }), taken, refused };
        if (socket && attempts.state.value.status === "open" && !waiting) socket.send(start.text);
      });
    },
    async cancel(_agent: string, thread: string) {
      if (!socket || attempts.state.value.status !== "open") throw unreachable("The connection is lost.");
      socket.send(JSON.stringify({ type: "cancel", threadId: thread }));
    },
    inject: injector(base),
    refused: () => Promise.resolve(undefined),
    get down() {
      return wire.down;
    },
    cut: () => wire.cut(),
    retryNow() {
      wire.mend();
      attempts.now();
    },
    close() {
      leave();
      attempts.close();
    },
  };
}

function read(text: string): Message {
  return { event: JSON.parse(text) as AguiEvent, bytes: bytesOf(text) };
}
