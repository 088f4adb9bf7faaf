/** A run that another process drives, folded from its events in the log. Its owner is not asked: it may be busy, or dead. */
import type { EventLog } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import type { AguiEvent, Message } from "../protocol/events.ts";
import { threadTopic } from "../protocol/ids.ts";
import type { JsonValue } from "../protocol/json.ts";
import type { BegunRun, Store } from "../store/store.ts";
import { Transcript } from "../store/transcript.ts";
import { positionAfter } from "./history.ts";

export interface FoldedRun {
  /** The thread's messages nothing can be added to any more. */
  readonly messages: readonly Message[];
  /** With those that are open. */
  readonly all: readonly Message[];
  readonly state: JsonValue | undefined;
  readonly open: readonly AguiEvent[];
  /** The position that all this is true for. */
  readonly cursor: Cursor;
}

/** Nothing when the log no longer has the run's beginning, or has not got it yet. */
export async function foldedRun(store: Store, log: EventLog, run: BegunRun): Promise<FoldedRun | undefined> {
  const thread = await store.thread(run.threadId);
  const { messages = [], removed } = thread ?? {};
  const before = messages.slice(0, positionAfter(run.beginsAfter, messages, removed) ?? 0);
  const transcript = new Transcript(before);
  const topic = threadTopic(run.threadId);
  let cursor = run.from;
  for (;;) {
    const page = await log.read(topic, cursor, PAGE);
    if (page.gap !== undefined) return undefined;
    for (const { json, runId } of page.entries) {
      if (runId === run.runId) transcript.push(JSON.parse(json) as AguiEvent);
    }
    cursor = page.next;
    if (page.entries.length < PAGE) break;
  }
  if (cursor.offset === run.from.offset) return undefined;
  const { closed, state = thread?.state } = transcript;
  return { messages: closed, all: transcript.messages, state, open: transcript.reopen(), cursor };
}

const PAGE = 1_000;
