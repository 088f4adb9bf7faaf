/**
 * A run that another process drives, folded from its events in the log: from the position that is kept of it, or from its
 * start. Its owner is not asked: it may be busy, or dead.
 */
import type { EventLog } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import { threadTopic } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { BegunRun, Store } from "../store/store.ts";
import { Transcript } from "../store/transcript.ts";
import { positionAfter } from "./history.ts";
import { keptTranscript } from "./kept-position.ts";

export interface FoldedRun {
  /** The thread's messages that can no longer grow. */
  readonly messages: readonly Message[];
  /** These messages, and those that are still open. */
  readonly all: readonly Message[];
  readonly state: JsonValue | undefined;
  readonly open: readonly AguiEvent[];
  /** Its `RUN_STARTED` is in the log. */
  readonly begun: boolean;
  /** Its end is in the log. */
  readonly over: boolean;
  /** The position in the log for which all these fields hold. */
  readonly cursor: Cursor;
}

/** Folds a run. Returns `undefined` when the log no longer has the run's beginning and no position is kept. */
export async function foldedRun(store: Store, log: EventLog, run: BegunRun): Promise<FoldedRun | undefined> {
  const thread = await store.thread(run.threadId);
  const { messages: said = [], removed } = thread ?? {};
  const topic = threadTopic(run.threadId);
  const kept = await keptTranscript(log, topic, run, { messages: said, ...(removed ? { removed } : {}) });
  const before = said.slice(0, positionAfter(run.beginsAfter, said, removed) ?? 0);
  const transcript = kept?.transcript ?? new Transcript(before);
  let cursor = kept?.cursor ?? run.from;
  let over = false;
  for (;;) {
    const page = await log.read(topic, cursor, PAGE);
    if (page.gap !== undefined) return undefined;
    for (const { json, runId, type } of page.entries) {
      if (runId !== run.runId) continue;
      transcript.push(JSON.parse(json) as AguiEvent);
      over ||= type === EventType.RUN_FINISHED || type === EventType.RUN_ERROR;
    }
    cursor = page.next;
    if (page.entries.length < PAGE) break;
  }
  // A kept position may belong to a later epoch than the start.
  const begun = kept !== undefined || cursor.offset > run.from.offset;
  const { closed, state = thread?.state } = transcript;
  const open = [...transcript.injected, ...transcript.reopen()];
  // The messages that came with a run are in the store before its beginning is in the log.
  const messages = begun ? closed : said;
  return { messages, all: begun ? transcript.messages : messages, state, open, begun, over, cursor };
}

/** Is the end of a run in the log? The run's row holds the thread for a moment longer. */
export async function isOver(store: Store, log: EventLog, run: BegunRun): Promise<boolean> {
  return run.status === "ending" && (await foldedRun(store, log, run))?.over === true;
}

const PAGE = 1_000;
