/**
 * A subscription: one peer reads one thread from one position. It counts as a follower of the thread, chooses the view,
 * handles gaps, and knows where the reading ends. It joins the thread's followers before the thread is read for the
 * first time, and leaves them when nothing more is sent.
 */
import { randomUUID } from "node:crypto";
import { type Cursor, isAt } from "../protocol/cursor.ts";
import type { Topic } from "../protocol/ids.ts";
import type { RunHandle } from "../runs/handle.ts";
import type { VisitedRun, VisitedThread } from "../runs/visited-thread.ts";
import type { Visitor } from "../runs/visitor.ts";
import type { CatchingUp } from "./catch-up.ts";
import { type Beginning, deliver, type Ending } from "./deliver.ts";
import type { Format } from "./formats/format.ts";
import { type Narrowing, viewFor } from "./narrowing.ts";
import type { Peer } from "./peer.ts";

/** The reader of a subscription, and the form in which it wants its events. */
export interface Reader {
  readonly visitor: Visitor;
  /** It decides which topic of a thread is read. */
  readonly format: Format;
  readonly narrowing: Narrowing;
  /** The protocol version that came with the client's last input, if any. */
  readonly announced?: () => string | undefined;
  readonly catchingUp: CatchingUp;
  /** Aborts when the reader wants nothing more. */
  readonly signal: AbortSignal;
}

export class Subscription {
  /**
   * The position of the topic's last entry when the reading began. Entries up to it were missed; later ones are new.
   */
  readonly head: Cursor | undefined;
  readonly #reader: Reader;
  readonly #thread: VisitedThread;
  readonly #beginning: Beginning;
  readonly #ending: Ending | undefined;
  readonly #leave: () => void;

  private constructor(reader: Reader, thread: VisitedThread, leave: () => void, opened: Opened, head?: Cursor) {
    const { beginning, ending } = opened;
    this.head = head;
    this.#reader = reader;
    this.#thread = thread;
    this.#leave = leave;
    this.#beginning = beginning;
    this.#ending = ending;
  }

  /** Reads only one run, from its start or from `after` within it, to its end. */
  static ofRun(reader: Reader, run: VisitedRun, after: Cursor | undefined): Promise<Subscription> {
    return Subscription.#open(reader, run.thread, async () => {
      const { from, runId, thread } = run;
      // A position before this run belongs to another run; this one is sent from its start.
      const within = after && !(after.epoch === from.epoch && after.offset < from.offset) ? after : from;
      const until = await lastPosition(reader, thread, runId);
      return { beginning: { after: within, since: from, first: undefined }, ending: { runId, alone: true, until } };
    });
  }

  /** Reads a thread from the start of a run, with all later events. */
  static sinceRun(reader: Reader, run: VisitedRun): Promise<Subscription> {
    return Subscription.#open(reader, run.thread, async () => ({ beginning: startOf(run, reader), ending: undefined }));
  }

  /** Reads a thread from its current state, or from `after`, with all later events. */
  static ofThread(reader: Reader, thread: VisitedThread, after: Cursor | undefined): Promise<Subscription> {
    return Subscription.#open(reader, thread, async () => {
      const { beginning } = await standingOr(after, reader, thread);
      return { beginning, ending: undefined };
    });
  }

  /** Like `ofThread`, but ends with the active run, or at once if no run is active. */
  static untilIdle(reader: Reader, thread: VisitedThread, after: Cursor | undefined): Promise<Subscription> {
    return Subscription.#open(reader, thread, async () => {
      const { beginning, runId } = await standingOr(after, reader, thread);
      const until = await lastPosition(reader, thread, runId);
      return { beginning, ending: { runId, alone: false, until } };
    });
  }

  /**
   * Reads a live thread: from the start of its active run, or from now on if no run is active. In a graph format the
   * graph events are read.
   */
  static live(reader: Reader, thread: VisitedThread): Promise<Subscription> {
    return Subscription.#open(reader, thread, async () => {
      const active = await thread.active();
      if (active) return { beginning: startOf(active, reader), ending: undefined };
      const after = await reader.visitor.log.open(thread.topic(reader.format.graph));
      return { beginning: { after, since: undefined, first: undefined }, ending: undefined };
    });
  }

  /** The topic of the log that is read. */
  get topic(): Topic {
    return this.#thread.topic(this.#reader.format.graph);
  }

  /** The position that the reading begins after. */
  get cursor(): Cursor {
    return this.#beginning.after;
  }

  /** It begins in the middle of a run or between two runs, and not with `RUN_STARTED`. */
  get continues(): boolean {
    const { after, since, first } = this.#beginning;
    return first === undefined && !isAt(after, since);
  }

  /** It ends with a run; else it lasts for as long as its peer. */
  get ends(): boolean {
    return this.#ending !== undefined;
  }

  /** Sends events to the peer until the end. Call it once. Rejects when the peer has to reconnect. */
  deliver(peer: Peer): Promise<void> {
    const { visitor, format, narrowing, announced, catchingUp, signal } = this.#reader;
    const thread = this.#thread;
    const ending = this.#ending;
    return deliver({
      log: visitor.log,
      counts: visitor.counts,
      topic: this.topic,
      beginning: this.#beginning,
      ending,
      view: viewFor(narrowing, announced, this.topic),
      format,
      peer,
      signal,
      catchUp: (reason, begun) => catchingUp.missed(thread, ending?.runId ?? randomUUID(), reason, begun),
    }).finally(this.#leave);
  }

  /**
   * Joins the followers first, so that the run is not cancelled for lack of followers while the position is looked up.
   */
  static async #open(reader: Reader, thread: VisitedThread, begin: () => Promise<Opened>): Promise<Subscription> {
    const leave = thread.follow(reader.format.graph);
    reader.signal.addEventListener("abort", leave, { once: true });
    if (reader.signal.aborted) leave();
    try {
      const opened = await begin();
      const head = await reader.visitor.log.head(thread.topic(reader.format.graph));
      return new Subscription(reader, thread, leave, opened, head);
    } catch (error) {
      leave();
      throw error;
    }
  }
}

interface Opened {
  readonly beginning: Beginning;
  readonly ending: Ending | undefined;
}

function startOf({ from, graphFrom }: RunHandle, { format }: Reader): Beginning {
  const after = format.graph ? graphFrom : from;
  return { after, since: after, first: undefined };
}

async function standingOr(
  after: Cursor | undefined,
  { catchingUp }: Reader,
  thread: VisitedThread,
): Promise<{ readonly beginning: Beginning; readonly runId: string }> {
  if (after) {
    const since = await thread.runAt(after);
    return { beginning: { after, since, first: undefined }, runId: (await thread.active())?.runId ?? randomUUID() };
  }
  const first = await catchingUp.first(thread, randomUUID());
  return { beginning: { after: first.cursor, since: undefined, first }, runId: first.runId };
}

/** Returns the head if the run is over, because no more of its entries can come. */
async function lastPosition({ visitor, format }: Reader, thread: VisitedThread, runId: string) {
  if ((await thread.active())?.runId === runId) return undefined;
  return visitor.log.open(thread.topic(format.graph));
}
