/**
 * A run's messages, state and open spans at one position, kept beside the log. Readers in other processes begin there
 * when the run's beginning was trimmed. Its owner is not asked: it may be busy, or dead.
 */
import type { EventLog } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import { type Topic, threadTopic } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { BegunRun, ThreadRecord } from "../store/store.ts";
import { Transcript } from "../store/transcript.ts";
import { positionAfter } from "./history.ts";
import type { RunPlan } from "./run-plan.ts";

/** The most bytes of a run's part. If a run has said more, late readers elsewhere get the stored transcript. */
const MAX_BYTES = 1_048_576;

interface Part {
  readonly runId: string;
  /** The id of the last message before the part; absent when it begins the thread. */
  readonly after?: string;
  /** The messages that can no longer grow. */
  readonly messages: readonly Message[];
  readonly state?: JsonValue;
  /** Reports of messages that wait, and events that open the open spans again. */
  readonly open: readonly AguiEvent[];
}

type SoFar = Pick<Transcript, "closed" | "state" | "injected" | "reopen">;

/** Keeps a run's position, often enough that the log always reaches back to it. */
export class PositionKeeper {
  readonly #plan: Pick<RunPlan, "threadId" | "runId" | "fence" | "from" | "history" | "ownFrom">;
  readonly #log: EventLog;
  /** The position that was kept last; before that, the run's start. */
  #kept: Cursor;
  #bytes = 0;
  /** The bytes to wait for before the next part: most parts grow, and to serialize one that is too large is for nothing. */
  #wait = 0;

  constructor(plan: RunPlan, log: EventLog) {
    this.#plan = plan;
    this.#log = log;
    this.#kept = plan.from;
  }

  /** An entry with this JSON is about to be appended. */
  wrote(json: string): void {
    this.#bytes += Buffer.byteLength(json);
  }

  /** The part may be smaller from here on: something was taken back, or the state is another one. */
  mayShrink(): void {
    this.#wait = 0;
  }

  /** The transcript is in step with the log at `cursor`. */
  reached(cursor: Cursor, transcript: SoFar): void {
    if (this.#bytes < this.#wait) return;
    const { entries, bytes } = this.#log.window;
    // Readers of a new epoch cannot read what came before it.
    const isOfEpoch = cursor.epoch === this.#kept.epoch;
    if (isOfEpoch && cursor.offset - this.#kept.offset < entries / 2 && this.#bytes < bytes / 2) return;
    this.keep(cursor, transcript);
  }

  /** Keeps this position now. The transcript is in step with the log there. */
  keep(cursor: Cursor, transcript: SoFar): void {
    this.#kept = cursor;
    this.#bytes = 0;
    const { threadId, fence } = this.#plan;
    const text = JSON.stringify(this.#part(transcript));
    const size = Buffer.byteLength(text);
    this.#wait = size > MAX_BYTES ? size : 0;
    if (this.#wait === 0) this.#log.keepPosition(threadTopic(threadId), fence, { cursor, text });
  }

  #part(transcript: SoFar): Part {
    const { runId, history, ownFrom } = this.#plan;
    const { closed, state, injected } = transcript;
    const parts = closed.findIndex(({ id }, index) => index >= ownFrom || id !== history[index]?.id);
    const start = parts < 0 ? closed.length : parts;
    const after = closed[start - 1]?.id;
    return {
      runId,
      ...(after === undefined ? {} : { after }),
      messages: closed.slice(start),
      ...(state === undefined ? {} : { state }),
      open: [...injected, ...transcript.reopen()],
    };
  }
}

/** The transcript of a run at its kept position. `undefined` when none is kept. */
export async function keptTranscript(
  log: EventLog,
  topic: Topic,
  { runId }: BegunRun,
  { messages, removed }: Pick<ThreadRecord, "messages" | "removed">,
): Promise<{ readonly transcript: Transcript; readonly cursor: Cursor } | undefined> {
  const kept = await log.keptPosition(topic);
  if (!kept) return undefined;
  const part = JSON.parse(kept.text) as Part;
  if (part.runId !== runId) return undefined;
  const start = positionAfter(part.after, messages, removed);
  if (start === undefined) return undefined;
  const transcript = new Transcript([...messages.slice(0, start), ...part.messages]);
  if (part.state !== undefined) transcript.push({ type: EventType.STATE_SNAPSHOT, snapshot: part.state });
  for (const event of part.open) transcript.push(event);
  return { transcript, cursor: kept.cursor };
}
