/**
 * Turns the state of a thread into a valid beginning of events, for readers that come late or have missed events that
 * are lost.
 */
import { randomUUID } from "node:crypto";
import type { GapReason } from "../log/log.ts";
import type { Cursor } from "../protocol/cursor.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { VisitedThread } from "../runs/visited-thread.ts";
import type { CatchUp } from "./deliver.ts";
import type { Peer } from "./peer.ts";
import { snapshotOf } from "./snapshot.ts";

/**
 * Returns a run's start, the messages so far, the exposed state, and the open spans, opened again. If no run is active,
 * the sequence also has an end, and `runId` is its id. Without `runId` it is the thread's last run with its real end.
 * With a `reason`, an event after the start reports the gap. With `questions`, a thread that still waits for answers
 * reports its questions, even if the run with the answers failed: a page that reloads has to show them again.
 */
export async function standing(
  thread: VisitedThread,
  run: { readonly runId?: string; readonly questions?: boolean } = {},
  reason?: GapReason,
): Promise<CatchUp & { readonly runId: string }> {
  const { threadId } = thread;
  const { messages, state, open, interrupts, ending, active, cursor } = await thread.snapshot();
  const runId = active?.runId ?? run.runId ?? ending?.runId ?? randomUUID();
  const events: AguiEvent[] = [
    { type: EventType.RUN_STARTED, threadId, runId },
    ...(reason ? [{ type: EventType.CUSTOM as const, name: "sluice.gap", value: { reason } }] : []),
    ...snapshotOf(messages),
    ...(state === undefined ? [] : [{ type: EventType.STATE_SNAPSHOT as const, snapshot: state }]),
    ...open,
  ];
  if (!active) {
    const waiting =
      interrupts.length > 0 ? { outcome: { type: "interrupt" as const, interrupts: [...interrupts] } } : {};
    const finished: AguiEvent = { type: EventType.RUN_FINISHED, threadId, runId, ...waiting };
    // A client that missed the end of this run, or names no run, gets its real end. An AG-UI client that only joins the
    // thread would mistake an old failure for its own.
    const missed = reason !== undefined || run.runId === undefined;
    const asks = run.questions === true && interrupts.length > 0;
    events.push(missed && !asks && ending?.runId === runId ? ending.terminal : finished);
  }
  return { events, cursor, runId };
}

/** The way in which a format brings its reader up to date. */
export interface CatchingUp {
  /** For a reader that has nothing yet. `runId` is the id of the sequence if no run is active. */
  readonly first: (thread: VisitedThread, runId: string) => Promise<CatchUp & { readonly runId: string }>;
  /**
   * For a reader that has missed events that are lost. `begun`: it was sent events before. `undefined`: nothing
   * replaces the lost events, and it reads on.
   */
  readonly missed: (
    thread: VisitedThread,
    runId: string,
    reason: GapReason,
    begun: boolean,
  ) => Promise<CatchUp | undefined>;
}

/**
 * Bare AG-UI: a sequence that the reader has in part cannot be corrected. The reader has to reconnect and begin again.
 */
export const catchUpAgui: CatchingUp = {
  first: (thread, runId) => standing(thread, { runId }),
  async missed(thread, runId, reason, begun) {
    if (begun) throw new SluiceError("slow_consumer");
    return standing(thread, { runId }, reason);
  },
};

/** Frames: `gap` says that open spans are void and the sequence begins again. */
export function catchUpFrames(gap: (reason: GapReason, cursor: Cursor) => void): CatchingUp {
  return {
    first: (thread) => standing(thread, { questions: true }),
    async missed(thread, _runId, reason) {
      const caughtUp = await standing(thread);
      gap(reason, caughtUp.cursor);
      return caughtUp;
    },
  };
}

/** Graph events: the transcript holds none, so the reader is sent the gap and reads on. */
export function catchUpGraph(peer: Peer): CatchingUp {
  return {
    ...catchUpAgui,
    async missed(_thread, _runId, reason) {
      await peer.send([JSON.stringify({ event: "gap", reason })]);
      return undefined;
    },
  };
}
