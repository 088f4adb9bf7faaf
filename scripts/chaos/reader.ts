/** A reader of one thread. It reconnects after each cut, and checks each event as it arrives. */
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket } from "ws";
import { SluiceConnection, type WebSocketConstructor } from "../../src/client/connection.ts";
import { readSse } from "../../src/client/sse.ts";
import { type AguiEvent, EventType, isTerminal, type Message } from "../../src/protocol/events.ts";
import { Transcript } from "../../src/store/transcript.ts";

/** A server that is silent for this long counts as dead: two and a half times the deployment's heartbeat. */
const SILENT_MS = 12_500;

/** The time between two attempts over SSE, in milliseconds. */
const RETRY_MS = 250;

/** The number of last events in the report of a problem. */
const TRAIL = 20;

/** The id of the open run after an event outside any run. */
const OUTSIDE = "outside any run";

/** Records and checks the events of a reader, over any transport. */
class Notes {
  readonly transcript = new Transcript([]);
  /** When the reader was sent the end of a run or the thread's state. */
  readonly news: { readonly at: number; readonly runId: string; readonly ended: boolean; readonly stands: boolean }[] =
    [];
  /** When the reader was last sent the thread's state in the place of events that the log's epoch had. */
  missedAt: number | undefined;
  /** The epoch of the last cursor, and the one before the thread's state. */
  #epoch: string | undefined;
  #epochBefore: string | undefined;
  readonly #cursors = new Set<string>();
  readonly #found: (problem: string) => void;
  /** The last events, for the report of a problem. */
  readonly #trail: string[] = [];
  #open: string | undefined;
  #stands = false;
  /** The next event starts again from the beginning, so an open run is not an error. */
  #begins = true;

  constructor(found: (problem: string) => void) {
    this.#found = (problem) => found(`${problem} (before: ${this.#trail.join(", ")})`);
  }

  begins(): void {
    this.#begins = true;
    this.#note("begins");
  }

  /** The reader begins without a cursor. */
  beginsAnew(): void {
    this.begins();
    this.#epoch = undefined;
  }

  #note(what: string): void {
    this.#trail.push(what);
    if (this.#trail.length > TRAIL) this.#trail.shift();
  }

  take(event: AguiEvent, cursor: string | undefined): void {
    // The events of a thread's state replace all earlier events. Only the last of them has a cursor.
    if (this.#begins && event.type === EventType.RUN_STARTED && cursor === undefined) {
      this.#cursors.clear();
      this.#epochBefore = this.#epoch;
    }
    if (cursor !== undefined) {
      const [epoch] = cursor.split(":");
      // A run that was taken over as after a crash has a new epoch. Its readers are sent the thread's state.
      if (epoch === this.#epochBefore) this.missedAt = Date.now();
      this.#epoch = epoch;
      this.#epochBefore = undefined;
      if (this.#cursors.has(cursor)) this.#found(`cursor ${cursor} was sent twice, with ${event.type}`);
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
      this.#found(`${event.type} was sent outside any run`);
      this.#open = OUTSIDE; // Reported only once.
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
  /**
   * Returns when it was sent the end of this run, or the thread's state after `since`. `undefined` if neither was sent.
   */
  newsOf(runId: string, since: number): number | undefined;
  /**
   * Returns whether it was sent the end of this run, or after `since` that nothing runs. Over SSE the latter names no
   * run.
   */
  sawEndOf(runId: string, since: number): boolean;
  /** Has it missed events since, although their run went on in the same epoch? */
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
    missedSince: (since) => (notes.missedAt ?? 0) >= since,
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
        // The server cannot read the topic now, so subscribe again later.
        if (code === "storage_unavailable") setTimeout(again, RETRY_MS);
        else problem(`a reader over frames of thread ${threadId} was refused: ${code} ${message}`);
      },
    });
  const again = () => {
    notes.beginsAnew();
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
      // Events without a cursor count only after the next event with a cursor has arrived.
      let held: AguiEvent[] = [];
      const body = response.body.pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform: (bytes, controller) => {
            heard(); // Keep-alives count too.
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
      await read().catch(() => {}); // The test cuts this line on purpose.
      await sleep(RETRY_MS);
    }
  };
  void goOn();
  return () => closed.abort();
}
