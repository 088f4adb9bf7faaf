/**
 * A run that its process leaves to another one between two steps of its graph. The run goes on in the same epoch of the
 * log, right after the last entry: its readers notice nothing.
 */
import type { EventLog } from "../log/log.ts";
import { type Cursor, isAt } from "../protocol/cursor.ts";
import type { Message } from "../protocol/events.ts";
import { graphTopic, type Topic, threadTopic } from "../protocol/ids.ts";
import type { InjectedMessage } from "../protocol/injected.ts";
import type { Instances } from "../store/instances.ts";
import type { Store } from "../store/store.ts";
import type { Carried } from "../translate/carried.ts";
import type { Counted } from "../translate/token-count.ts";
import type { Spent } from "./deadlines.ts";
import type { Run } from "./run.ts";
import type { RunOutcome } from "./run-end.ts";
import type { FiguresSoFar } from "./run-figures.ts";
import type { RunInput } from "./run-input.ts";
import type { RunPlan } from "./run-plan.ts";

/** The state of a run between two steps. */
export interface Between extends Required<Pick<RunInput, "drafts" | "graphTopic" | "used">> {
  readonly knowledge: Knowledge;
}

/** The facts that a run has about its graph when the graph has stopped. */
export interface AtRest {
  readonly spent: Spent;
  /** The count of its tokens, where its progress is reported. */
  readonly counted: Counted | undefined;
}

/** The facts that a run has beyond its input and its thread, in plain JSON. */
interface Knowledge extends AtRest {
  /** The id by which readers of the graph topic know the graph's own run. */
  readonly root: string | undefined;
  readonly ownFrom: number;
  /** The messages that wait for the run. Clients have been sent the state `waiting` for them. */
  readonly waiting: readonly InjectedMessage[];
  readonly figures: FiguresSoFar;
  readonly translation: Carried;
}

/** The same, in the run's row. */
export interface Handover extends Knowledge {
  /** The position of its last entry in the thread's topic. */
  readonly at: Cursor;
  /** The same in the graph topic, if the graph topic is written. */
  readonly graphAt?: Cursor;
}

export interface HandoverOptions {
  readonly log: EventLog;
  readonly instances: Instances;
  /** Writes to the store, again and again while its server is away and this process may go on. */
  readonly stored: <T>(write: (store: Store) => Promise<T>) => Promise<T>;
}

/**
 * Leaves a run, which has stopped between two steps, to another process. Its row has all that the other one needs; without
 * that, the run is taken up as after a crash. Gives the run's end, if it was asked to end meanwhile.
 */
export async function handOver(
  { log, instances, stored }: HandoverOptions,
  run: Run,
  input: RunInput,
): Promise<RunOutcome | undefined> {
  const { plan } = run;
  try {
    const between = await run.between();
    await run.written();
    await stored((store) => store.keepMessages(plan, ...run.kept));
    const left = between && (await inputFrom(log, run, input, between));
    // A run that was stopped only because its process has to stop now (`draining`) is still handed over.
    if ((run.stopReason ?? "draining") !== "draining") return await run.endAfterAll();
    await stored(() => instances.handOver(plan, left));
  } catch {
    // Nobody knows how far the row and the log have come. If the row cannot be written either, others take the run up
    // when this process is gone.
    await stored(() => instances.handOver(plan)).catch(() => false);
  }
  // The client has got the answer that the run is cancelled. If the database was away, the row does not show that yet.
  if (run.stopReason === "cancelled") await instances.ask(plan.threadId, "cancel").catch(() => false);
  return undefined;
}

/** The input for the other process, once it can read all entries of the run. */
async function inputFrom(
  log: EventLog,
  { plan: { threadId } }: Run,
  input: RunInput,
  { knowledge, ...changed }: Between,
): Promise<RunInput> {
  const end = async (topic: Topic) => {
    await log.settled(topic);
    const at = await log.head(topic);
    if (!at) throw new Error(`The topic ${topic} is gone.`);
    return at;
  };
  const at = await end(threadTopic(threadId));
  const graphAt = changed.graphTopic ? { graphAt: await end(graphTopic(threadId)) } : {};
  return { ...input, ...changed, handedOver: { ...knowledge, at, ...graphAt } };
}

/** Does the log stand where the previous process left the run? */
export function follows({ at, graphAt }: Handover, from: Cursor, graphFrom: Cursor): boolean {
  return isAt(at, from) && (graphAt === undefined || isAt(graphAt, graphFrom));
}

/** The knowledge of a translator that the messages do not have themselves. */
export function beside(messages: readonly Message[], carried: Carried): Carried {
  const held = new Set(messages.map(({ id }) => id));
  return { ...carried, ids: carried.ids.filter((id) => !held.has(id)) };
}

/** `ownFrom` of the process that goes on. To that, the messages that came with the run are history. */
export function ownFromAfter({ history, fresh, ownFrom }: Pick<RunPlan, "history" | "fresh" | "ownFrom">): number {
  return ownFrom === history.length ? ownFrom + fresh.length : ownFrom;
}
