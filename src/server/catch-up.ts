/**
 * The state of a thread as one legal beginning: for readers that come late, and for those that missed something for
 * good.
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
 * A run's start, the messages so far, the exposed state, and what is open, opened again. When nothing runs it ends
 * there; `runId` then gives the sequence its id. Without one it is the thread's last run, with the end that it had.
 * With a `reason` the gap is named after the start. With `questions` a thread that still waits for answers reports them,
 * even when the run that was to bring the answers failed: a page that reloads has to show them again.
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
    // A client that missed the end of this very run, or asks for no run, gets its real end. A client of AG-UI that only
    // joins the thread would take an old failure for one of its own.
    const missed = reason !== undefined || run.runId === undefined;
    const asks = run.questions === true && interrupts.length > 0;
    events.push(missed && !asks && ending?.runId === runId ? ending.terminal : finished);
  }
  return { events, cursor, runId };
}

/** The way in which a format brings its reader up to date. */
export interface CatchingUp {
  /** For a reader that has nothing yet. `runId` names the sequence where nothing runs. */
  readonly first: (thread: VisitedThread, runId: string) => Promise<CatchUp & { readonly runId: string }>;
  /**
   * For a reader that missed something for good; `begun`: it has been sent events before. `undefined`: nothing stands
   * in for what is lost, and it reads on.
   */
  readonly missed: (
    thread: VisitedThread,
    runId: string,
    reason: GapReason,
    begun: boolean,
  ) => Promise<CatchUp | undefined>;
}

/**
 * Bare AG-UI: nothing can be put right inside a sequence of which the reader holds half. It has to come back and begin
 * again.
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
