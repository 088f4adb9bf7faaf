/** Runs that a process left unfinished when it died: each is taken up where the graph stopped, or ended. */
import { latestCheckpoint } from "../graph/checkpoints.ts";
import type { Registry, ServedAgent } from "../graph/registry.ts";
import { SluiceError } from "../protocol/errors.ts";
import { type AguiEvent, EventType, type Message } from "../protocol/events.ts";
import type { RunRecord, Store } from "../store/store.ts";
import { positionAfter } from "./history.ts";
import type { RunInput } from "./run-input.ts";

/** A run that brings its process down would do so for ever. */
const MAX_ATTEMPTS = 3;

export interface LeftRun {
  readonly run: RunRecord;
  readonly outcome: "recovered" | "lost";
  /** Why it was not taken up, where something failed. */
  readonly cause?: unknown;
}

/** Begins a run again under its old id. */
export type Again = (
  agent: ServedAgent,
  run: RunRecord,
  messages: readonly Message[],
  input: RunInput,
) => Promise<unknown>;

/** To be called once, before anything else runs: whatever is active then belongs to nobody. */
export async function takeUp(
  { store, registry }: { store: Store; registry: Registry },
  again: Again,
): Promise<LeftRun[]> {
  const left: LeftRun[] = [];
  for (const run of await store.activeRuns()) {
    const agent = registry.all.find(({ name }) => name === run.agent);
    const thread = await store.thread(run.threadId);
    const messages = thread?.messages ?? [];
    const input = run.input as RunInput | undefined;
    try {
      const stood = agent && input ? await whereItStood(agent, run, input) : undefined;
      if (agent?.recover && stood && stood.attempt <= MAX_ATTEMPTS) {
        // A graph that begins anew tells everything anew.
        const before = positionAfter(run.beginsAfter, messages, thread?.removed) ?? messages.length;
        const holding = stood.wentOn ? messages.length : before + stood.freshLength;
        await again(agent, run, messages.slice(0, holding), stood);
        left.push({ run, outcome: "recovered" });
      } else {
        await end(store, run, messages, stood);
        left.push({ run, outcome: "lost" });
      }
    } catch (cause) {
      await end(store, run, messages, undefined);
      left.push({ run, outcome: "lost", cause });
    }
  }
  return left;
}

/** What to begin again with. A graph that made a checkpoint goes on from it; one that made none gets its input again. */
async function whereItStood(agent: ServedAgent, { threadId }: RunRecord, input: RunInput): Promise<RunInput> {
  const attempt = input.attempt + 1;
  const checkpoint = await latestCheckpoint(agent.graph, threadId);
  if (checkpoint === input.checkpoint) return { ...input, attempt };
  const { fork: _, ...rest } = input;
  return { ...rest, graphInput: { kind: "continue" }, checkpoint, wentOn: true, answered: [], attempt };
}

/** What came with the run stays in the transcript; what it answered is open again if the graph never took it in. */
async function end(
  store: Store,
  { threadId, runId }: RunRecord,
  messages: readonly Message[],
  stood: RunInput | undefined,
): Promise<void> {
  const { code, message, retryable } = new SluiceError("owner_lost");
  const timestamp = Date.now();
  const terminal: AguiEvent = { type: EventType.RUN_ERROR, message, code, metadata: { retryable }, timestamp };
  const interrupts = stood?.answered ?? [];
  await store.endRun(threadId, runId, {
    status: "failed",
    messages,
    state: undefined,
    terminal,
    refused: {},
    interrupts,
  });
}
