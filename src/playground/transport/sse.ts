/**
 * A line that needs only HTTP. It reads the thread (`GET threads/:id/events`) until the page starts a run. The run's
 * events are the response to its request, which is sent again with `Last-Event-ID` after a cut. After the run it reads
 * the thread again.
 */
import type { Narrowing } from "../../client/connection.ts";
import { readSse } from "../../client/sse.ts";
import { bytesOf } from "../../client/subscription.ts";
import { type AguiEvent, EventType, isTerminal, type RunAgentInput } from "../../protocol/events.ts";
import { Attempts } from "./attempts.ts";
import { expiring, token } from "./credentials.ts";
import { lineError, queryOf, request } from "./http.ts";
import { injector } from "./inject.ts";
import { distance, ResumeCount } from "./resume-count.ts";
import type { LineError, Received, ThreadListener, Transport } from "./transport.ts";
import { Wire } from "./wire.ts";

interface OwnRun {
  readonly agent: string;
  readonly input: RunAgentInput;
  readonly taken: () => void;
  readonly refused: (error: LineError) => void;
  /** The server has begun to answer with the run's events. */
  begun: boolean;
}

/** The events that the server merges for a slow reader. */
const DELTAS: ReadonlySet<string> = new Set<string>([
  EventType.TEXT_MESSAGE_CONTENT,
  EventType.REASONING_MESSAGE_CONTENT,
  EventType.TOOL_CALL_ARGS,
]);

type Frame = Pick<Received, "event" | "cursor" | "bytes">;

export function sseTransport(base: URL): Transport {
  const wire = new Wire();
  const attempts = new Attempts(() => void read());
  let threadId = "";
  let listener: ThreadListener | undefined;
  let query = "";
  let cursor: string | undefined;
  let run: OwnRun | undefined;
  let stop = () => {};
  const count = new ResumeCount((resume) => listener?.onResume(resume));

  /** Reads one response to its end, then starts the next request or plans an attempt. */
  async function read(): Promise<void> {
    stop();
    const abort = new AbortController();
    const release = wire.hold(() => abort.abort());
    const left = () => listener === undefined || abort !== current;
    current = abort;
    stop = () => {
      release();
      abort.abort();
    };
    const own = run;
    try {
      if (wire.down) throw new Error("The wire is cut.");
      const response = await (own ? post(own, abort.signal) : watch(abort.signal));
      if (left()) return;
      attempts.opened();
      if (own) own.begun = true;
      own?.taken();
      count.open(response.headers.get("Sluice-Head") ?? undefined);
      if (response.body) await hand(response.body, left);
      if (left()) return;
      if (own && run === own) throw new Error("The response was cut."); // The event that ends the run would have cleared `run`.
      attempts.now();
    } catch (thrown) {
      if (left()) return;
      failed(own, lineError(thrown));
    } finally {
      release();
    }
  }
  let current: AbortController | undefined;

  // A response cannot take a new token, so a new request continues the thread with it. A run that the server has
  // accepted is not sent again, because the new token may be another person's.
  let signedIn = token.peek();
  const unsubscribe = token.subscribe((next) => {
    if (next === signedIn) return;
    signedIn = next;
    if (run?.begun) run = undefined;
    if (attempts.state.peek().status === "open") attempts.now();
  });

  function failed(own: OwnRun | undefined, error: LineError): void {
    if (error.code === "unreachable" || error.retryable) {
      if (own && error.code !== "unreachable") {
        run = undefined;
        own.refused(error);
        attempts.now();
        return;
      }
      count.lost(cursor);
      attempts.lost(error.message);
    } else if (own) {
      run = undefined;
      own.refused(error);
      attempts.now();
    } else {
      attempts.close(error);
      listener?.onError(error);
    }
  }

  const post = ({ agent: name, input }: OwnRun, signal: AbortSignal) =>
    request(new URL(`agui/agent/${encodeURIComponent(name)}/run?${query}`, base), {
      method: "POST",
      body: input,
      headers: { Accept: "text/event-stream", ...(cursor && { "Last-Event-ID": cursor }) },
      signal,
    });

  const watch = (signal: AbortSignal) => {
    const after = cursor ? `&after=${encodeURIComponent(cursor)}` : "";
    return request(new URL(`threads/${encodeURIComponent(threadId)}/events?${query}${after}`, base), { signal });
  };

  async function hand(body: ReadableStream<Uint8Array>, left: () => boolean): Promise<void> {
    let held: Frame[] = [];
    for await (const { id, data } of readSse(body)) {
      if (left()) return;
      const event = JSON.parse(data) as AguiEvent;
      if (event.type === EventType.CUSTOM && event.name === "sluice.token_expiring") {
        expiring.value = true; // This event is not about the thread.
        continue;
      }
      held.push({ event, cursor: id, bytes: bytesOf(data) });
      // Events without an id belong to the next event with an id. If the line is cut before that one, they are sent
      // again.
      if (id === undefined) continue;
      const frames = held;
      held = [];
      const ahead = distance(cursor, id);
      if (ahead !== undefined && ahead <= 0) {
        count.heard({ cursor: id, doubled: 1 });
        continue;
      }
      const between = ahead === undefined || query.includes("=false") ? 1 : ahead;
      // Only deltas are merged, and several events can belong to one id. Any other single event is one entry, so a
      // distance above 1 means a loss.
      const lost = frames.length > 1 || DELTAS.has(event.type) ? 0 : between - 1;
      const entries = between - lost;
      const anew = frames.some(({ event }) => event.type === EventType.CUSTOM && event.name === "sluice.gap");
      if (anew) count.gap();
      const replayed = count.heard({ cursor: id, entries, lost });
      cursor = id;
      attempts.useful();
      for (const frame of frames) one(frame, frame.cursor ? entries : 0, replayed);
    }
  }

  function one({ event, ...frame }: Frame, entries: number, replayed: boolean): void {
    if (run && isTerminal(event.type)) run = undefined;
    if (event.type === EventType.CUSTOM && event.name === "sluice.gap") listener?.onBeginning(true);
    listener?.onEvent({ event, ...frame, entries, replayed, at: performance.now() });
  }

  const leave = () => {
    listener = cursor = undefined;
    run?.taken();
    run = undefined;
    current = undefined;
    stop();
    count.stop();
  };

  return {
    kind: "sse",
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
    run(name: string, input: RunAgentInput) {
      return new Promise<void>((taken, refused) => {
        run = { agent: name, input, taken, refused, begun: false };
        attempts.now();
      });
    },
    async cancel(name: string, thread: string) {
      const path = `agui/agent/${encodeURIComponent(name)}/stop/${encodeURIComponent(thread)}`;
      await request(new URL(path, base), { method: "POST" });
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
      unsubscribe();
      leave();
      attempts.close();
    },
  };
}
