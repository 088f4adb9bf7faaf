/** Where a thread stands, as one legal beginning: for those who come late, and for those who missed something for good. */
import { randomUUID } from "node:crypto";
import type { GapReason } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { RunHandle } from "../runs/handle.ts";
import type { RunManager } from "../runs/manager.ts";
import type { CatchUp } from "./deliver.ts";

type RunIds = Pick<RunHandle, "threadId" | "runId">;

/**
 * A run's start, the messages so far, the exposed state, and what is open, opened again. When nothing runs it ends
 * there; `run` then gives the sequence its ids. Without a `runId` it is the thread's last run, and told how that ended.
 * With a `reason` the gap is named after the start. With `questions` a thread that still waits for answers reports them,
 * even when the run that was to bring the answers failed: a page that reloads has to show them again.
 */
export async function standing(
  runs: RunManager,
  run: Pick<RunIds, "threadId"> & Partial<RunIds> & { readonly questions?: boolean },
  reason?: GapReason,
): Promise<CatchUp & { readonly runId: string }> {
  const { threadId } = run;
  const { messages, state, open, interrupts, ending, active, cursor } = await runs.threads.snapshot(threadId);
  const runId = active?.runId ?? run.runId ?? ending?.runId ?? randomUUID();
  const events: AguiEvent[] = [
    { type: EventType.RUN_STARTED, threadId, runId },
    ...(reason ? [{ type: EventType.CUSTOM as const, name: "sluice.gap", value: { reason } }] : []),
    { type: EventType.MESSAGES_SNAPSHOT, messages: [...messages] },
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

/**
 * The answer to a gap in `agui` and SSE.
 * @throws SluiceError `slow_consumer` when the reader has `begun`: nothing can be put right inside a sequence it holds
 * half of. It comes back with its cursor and begins anew.
 */
export async function catchUpAgui(runs: RunManager, run: RunIds, reason: GapReason, begun: boolean): Promise<CatchUp> {
  if (begun) throw new SluiceError("slow_consumer");
  return standing(runs, run, reason);
}
