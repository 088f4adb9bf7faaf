/** What a reader of `agui` or SSE gets in place of entries that are gone: the gap, named, then where things stand. */
import type { GapReason } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { RunHandle, RunManager } from "../runs/manager.ts";
import type { CatchUp } from "./deliver.ts";

/**
 * One legal sequence: a run's start, the gap with its reason, the messages so far, what is open opened again. When
 * nothing runs any more it ends there.
 * @throws SluiceError `slow_consumer` when the reader has `begun`: nothing can be put right inside a sequence it holds
 * half of. It comes back with its cursor and begins anew.
 */
export async function catchUpAgui(
  runs: RunManager,
  run: Pick<RunHandle, "threadId" | "runId">,
  reason: GapReason,
  begun: boolean,
): Promise<CatchUp> {
  if (begun) throw new SluiceError("slow_consumer");
  const { messages, state, open, cursor } = await runs.snapshot(run.threadId);
  const active = runs.active(run.threadId);
  const { threadId, runId } = active ?? run;
  const events: AguiEvent[] = [
    { type: EventType.RUN_STARTED, threadId, runId },
    { type: EventType.CUSTOM, name: "sluice.gap", value: { reason } },
    { type: EventType.MESSAGES_SNAPSHOT, messages: [...messages] },
    ...(state === undefined ? [] : [{ type: EventType.STATE_SNAPSHOT as const, snapshot: state }]),
    ...open,
  ];
  if (!active) events.push({ type: EventType.RUN_FINISHED, threadId, runId });
  return { events, cursor: cursor ?? { epoch: "", offset: 0 } };
}
