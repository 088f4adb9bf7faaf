/** A reader of one thread that comes back after each cut, and checks what it is sent as it comes. */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { SluiceConnection, type WebSocketConstructor } from "../../src/client/connection.ts";
import { readSse } from "../../src/client/sse.ts";
import { type AguiEvent, EventType, isTerminal, type Message } from "../../src/protocol/events.ts";
import { Transcript } from "../../src/store/transcript.ts";

/** A server that is silent for this long is gone: two and a half of the deployment's heartbeats. */
const SILENT_MS = 12_500;

/** Milliseconds between two attempts over SSE. */
const RETRY_MS = 250;

/** The last events of a reader that the report of a problem has. */
const TRAIL = 20;

/** Stands for a run that did not begin. */
const OUTSIDE = "outside any run";

/** The events that a reader was sent, over any transport. */
class Notes {
  readonly transcript = new Transcript([]);
  /** When the reader was sent the end of a run, or where the thread stands. */
  readonly news: { readonly at: number; readonly runId: string; readonly ended: boolean; readonly stands: boolean }[] =
    [];
  /** When the reader was sent its first event, and when it was sent where the thread stands in the place of events. */
  firstAt: number | undefined;
  stoodAt: number | undefined;
  readonly #cursors = new Set<string>();
  readonly #found: (problem: string) => void;
  /** The last things that happened, for a problem's report. */
  readonly #trail: string[] = [];
  #open: string | undefined;
  #stands = false;
  /** The next event is a beginning, whatever came before. */
  #begins = true;

  constructor(found: (problem: string) => void) {
    this.#found = (problem) => found(`${problem} (before: ${this.#trail.join(", ")})`);
  }

  begins(): void {
    this.#begins = true;
    this.#note("begins");
  }

  #note(what: string): void {
    this.#trail.push(what);
    if (this.#trail.length > TRAIL) this.#trail.shift();
  }

  take(event: AguiEvent, cursor: string | undefined): void {
    // The events of where a thread stands replace all earlier ones. Only the last of them has a cursor.
    if (this.#begins && event.type === EventType.RUN_STARTED && cursor === undefined) {
      this.#cursors.clear();
      this.stoodAt = Date.now();
    }
    this.firstAt ??= Date.now();
    if (cursor !== undefined) {
      if (this.#cursors.has(cursor)) this.#found(`cursor ${cursor} came twice, with ${event.type}`);
      this.#cursors.add(cursor);
    }
    this.#follow(event);
    this.#note(`${event.type} ${cursor ?? "-"}`);
    this.transcript.push(event);
  }

  #follow(event: AguiEvent): void {
    const open = this.#open;
    if (event.type === EventType.RUN_STARTED) {
      if (open !== undefined && open !== OUTSIDE && !this.#begins)
        this.#found(`run ${event.runId} began while ${open} was open`);
      this.#open = event.runId;
      this.#stands = this.#begins;
      if (this.#stands) this.news.push({ at: Date.now(), runId: event.runId, ended: false, stands: true });
    } else if (open === undefined) {
      this.#found(`${event.type} came outside any run`);
      this.#open = OUTSIDE; // Found once.
    } else if (isTerminal(event.type)) {
      this.#open = undefined;
      this.news.push({ at: Date.now(), runId: open, ended: true, stands: this.#stands });
    }
    this.#begins = false;
  }
}

export interface Reader {
  readonly kind: "frames" | "sse";
  readonly messages: Message[];
  /** When it was sent the end of this run, or where its thread stands since a time; `undefined`: never. */
  newsOf(runId: string, since: number): number | undefined;
  /** Was it sent the end of this run, or since this time that nothing runs? Over SSE that names no run. */
  sawEndOf(runId: string, since: number): boolean;
  /** Was it reading before this time, and has missed events since? */
  missedSince(since: number): boolean;
  close(): void;
}

export function reader(kind: Reader["kind"], url: string, threadId: string, problem: (text: string) => void): Reader {
  const notes = new Notes((text) => problem(`a reader over ${kind} of thread ${threadId}: ${text}`));
  const close = kind === "frames" ? overFrames(url, threadId, notes, problem) : overSse(url, threadId, notes);
  return {
    kind,
    get messages() {
      return notes.transcript.messages;
    },
    newsOf: (runId, since) =>
      notes.news.find(({ runId: of, ended, stands, at }) => (ended && of === runId) || (stands && at >= since))?.at,
    sawEndOf: (runId, since) =>
      notes.news.some(({ runId: of, ended, stands, at }) => ended && (of === runId || (stands && at >= since))),
    missedSince: (since) => (notes.firstAt ?? since) < since && (notes.stoodAt ?? 0) >= since,
    close,
  };
}

function overFrames(url: string, threadId: string, notes: Notes, problem: (text: string) => void): () => void {
  const connection = new SluiceConnection({
    url: `${url.replace("http", "ws")}/ws`,
    WebSocket: WebSocket as unknown as WebSocketConstructor,
    openMs: 5_000,
  });
  const follow = () =>
    connection.subscribe(threadId, {
      onEvent: (event, { cursor }) => notes.take(event, cursor),
      onGap: () => notes.begins(),
      onError: ({ code, message }) => {
        if (code === "closed") return;
        // The topic is left while its server cannot read it, and is asked for again.
        if (code === "storage_unavailable") setTimeout(again, RETRY_MS);
        else problem(`a reader over frames of thread ${threadId} was refused: ${code} ${message}`);
      },
    });
  const again = () => {
    notes.begins();
    follow();
  };
  follow();
  return () => connection.close();
}

function overSse(url: string, threadId: string, notes: Notes): () => void {
  const closed = new AbortController();
  let cursor: string | undefined;
  const read = async () => {
    const silent = new AbortController();
    let timer = setTimeout(() => silent.abort(), SILENT_MS);
    const heard = () => {
      clearTimeout(timer);
      timer = setTimeout(() => silent.abort(), SILENT_MS);
    };
    try {
      const response = await fetch(`${url}/threads/${threadId}/events?protocol=1.0`, {
        headers: { accept: "text/event-stream", ...(cursor === undefined ? {} : { "last-event-id": cursor }) },
        signal: AbortSignal.any([closed.signal, silent.signal]),
      });
      if (!response.ok || !response.body) return;
      // Events without a cursor count once the next one with a cursor is there.
      let held: AguiEvent[] = [];
      const body = response.body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (bytes, controller) => {
            heard(); // Keep-alives count.
            controller.enqueue(bytes);
          },
        }),
      );
      notes.begins();
      for await (const { id, data } of readSse(body)) {
        const event = JSON.parse(data) as AguiEvent;
        if (!id) {
          held.push(event);
          continue;
        }
        for (const earlier of held) notes.take(earlier, undefined);
        held = [];
        notes.take(event, id);
        cursor = id;
      }
    } finally {
      clearTimeout(timer);
    }
  };
  const goOn = async () => {
    while (!closed.signal.aborted) {
      await read().catch(() => {}); // It was cut, which is what it is here for.
      await sleep(RETRY_MS);
    }
  };
  void goOn();
  return () => closed.abort();
}
