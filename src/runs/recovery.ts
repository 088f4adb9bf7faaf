/**
 * Runs that nobody drives any more. Each is taken up where the graph stopped, or is ended with what its row in the
 * store says.
 */
import { latestCheckpoint, messageIds, newestCheckpoint, runAgain } from "../graph/checkpoints.ts";
import type { ServedAgent } from "../graph/registry.ts";
import type { EventLog, LogEntry } from "../log/log.ts";
import { SluiceError } from "../protocol/errors.ts";
import { EventType, type Interrupt, type Message } from "../protocol/events.ts";
import { graphTopic, type Topic, threadTopic } from "../protocol/ids.ts";
import type { Instances } from "../store/instances.ts";
import { type BegunRun, type Claim, isBegun, type RunRecord, type Store } from "../store/store.ts";
import { isReasoningOf } from "../translate/reasoning-spans.ts";
import { callIdsOf } from "./call-ids.ts";
import { erase, type Keepers } from "./deletions.ts";
import { entryOf, stamped } from "./entries.ts";
import type { RunInput } from "./run-input.ts";
import type { SoFar } from "./so-far.ts";

/** The most processes that try a run. A run that crashes its process would crash the next processes too. */
const MAX_ATTEMPTS = 3;

export interface LeftRun {
  readonly run: RunRecord;
  /** `continued`: its process handed it over. `finished`: its end was stored already, and is in the log now. */
  readonly outcome: "continued" | "recovered" | "lost" | "finished";
  /** Why it was not taken up, where something failed. */
  readonly cause?: unknown;
}

/** Begins a run again under its old id. */
export type Again = (
  agent: ServedAgent,
  claim: Claim,
  run: BegunRun,
  messages: readonly Message[],
  input: RunInput,
) => Promise<unknown>;

export interface TakeUpOptions extends Keepers {
  readonly instances: Pick<Instances, "isReleased">;
}

/**
 * Takes up a run that no process drives any more, under a claim of this process. Gives `undefined` for a run that was
 * only admitted.
 * @throws SluiceError `storage_unavailable`: it can be tried again.
 */
export async function takeUp(
  options: TakeUpOptions,
  run: RunRecord,
  claim: Claim,
  again: Again,
): Promise<LeftRun | undefined> {
  if (run.status === "active" && isBegun(run)) return { run, ...(await goOn(options, run, claim, again)) };
  await close(options, run, claim);
  // No client was promised a run that was only admitted.
  return run.status === "ending" ? { run, outcome: "finished" } : undefined;
}

/** Frees the thread of a run in any status. If the thread was being deleted, the deletion is completed. */
export async function clear(options: Keepers, run: RunRecord): Promise<void> {
  const claim = await options.store.takeOver(run);
  if (claim) await close(options, run, claim);
}

async function goOn(options: TakeUpOptions, run: BegunRun, claim: Claim, begin: Again): Promise<Omit<LeftRun, "run">> {
  const agent = options.registry.all.find(({ name }) => name === run.agent);
  const input = run.input as RunInput | undefined;
  let left: Left = {};
  try {
    const released = options.instances.isReleased(run);
    const soFar = run.soFar as SoFar | undefined;
    const stood = agent && input ? await whereItStood(agent, run, input, soFar, released) : undefined;
    left = { interrupts: stood?.answered };
    const handedOver = released ? input?.handedOver : undefined;
    if (!agent?.recover || !input || !stood || stood.attempt > MAX_ATTEMPTS) {
      await close(options, run, claim, left);
      return { outcome: "lost" };
    }
    const thread = await options.store.thread(run.threadId);
    const messages = thread?.messages ?? [];
    left = { ...left, messages };
    // A run is handed over between two steps: its graph has kept by then what it wanted to keep.
    const lost = handedOver ? [] : await lostByGraph(options.store, agent, claim);
    const shown = messages.filter(({ id }) => !lost.includes(id));
    const beginsAnew = !stood.wentOn && stood.graphInput.kind === "messages";
    const again = handedOver ? {} : await sentAgain(agent, shown, run, soFar ?? asBegun(input), beginsAnew);
    const held = shown.filter(({ id }) => !Object.hasOwn(again, id));
    // The ids at the run's beginning override those of the thread, which may come from the agent before this one.
    const callIds = { ...callIdsOf(thread, held), ...stood.callIds };
    // Clients need a while to find their way back to a run that nobody follows by now.
    const goesOn = handedOver ? { handedOver } : { again, detached: true };
    await begin(agent, claim, run, shown, { ...stood, callIds, ...goesOn });
    return { outcome: handedOver ? "continued" : "recovered" };
  } catch (cause) {
    if (SluiceError.from(cause).code === "storage_unavailable") throw cause;
    await close(options, run, claim, left);
    return { outcome: "lost", cause };
  }
}

/** The facts of a run that has kept nothing since it was begun. */
function asBegun({ newest, checkpoint, again = {} }: RunInput): Pick<SoFar, "checkpoint" | "places"> {
  return { checkpoint: newest ?? checkpoint, places: again };
}

/**
 * The messages whose nodes are certain to run again and to send them again, with their places. In doubt a message stays,
 * and so does a message with a call whose result stays, with its reasoning.
 */
async function sentAgain(
  { graph }: ServedAgent,
  messages: readonly Message[],
  { threadId }: RunRecord,
  { checkpoint, places }: Pick<SoFar, "checkpoint" | "places">,
  beginsAnew: boolean,
): Promise<Readonly<Record<string, string>>> {
  const all = Object.entries(places);
  if (all.length === 0) return {};
  const certain = await runAgain(graph, threadId, checkpoint, Object.values(places));
  const again = new Set(all.flatMap(([id, place]) => ((certain ? certain.has(place) : beginsAnew) ? [id] : [])));
  const answered = new Set(
    messages.flatMap((one) => (one.role === "tool" && !again.has(one.id) ? [one.toolCallId] : [])),
  );
  const kept = messages.flatMap((message) => {
    const calls = message.role === "assistant" ? (message.toolCalls ?? []) : [];
    return calls.some(({ id }) => answered.has(id)) ? [message.id] : [];
  });
  const isKept = (id: string) => kept.some((one) => one === id || isReasoningOf(id, one));
  const known = new Set(messages.map(({ id }) => id));
  return Object.fromEntries(all.filter(([id]) => known.has(id) && again.has(id) && !isKept(id)));
}

/** Messages that the run had taken but its graph did not keep. They wait again. */
async function lostByGraph({ injected }: Store, { graph }: ServedAgent, claim: Claim): Promise<readonly string[]> {
  const taken = (await injected.of(claim)).filter(({ taken }) => taken);
  if (taken.length === 0) return [];
  const held = await messageIds(graph, claim.threadId);
  const lost = taken.map(({ message }) => message.id).filter((id) => !held.has(id));
  await injected.putBack(claim, lost);
  return lost;
}

/**
 * The input for another attempt. A graph that made a checkpoint goes on from it; a graph that made none gets its input
 * again.
 */
async function whereItStood(
  agent: ServedAgent,
  { threadId }: RunRecord,
  { handedOver: _, again: __, used: before, ...input }: RunInput,
  soFar: SoFar | undefined,
  leftInOrder: boolean,
): Promise<RunInput> {
  const used = soFar?.used ?? before;
  const newest = await newestCheckpoint(agent.graph, threadId);
  const begun = { ...input, newest, ...(used ? { used } : {}) };
  const attempt = input.attempt + (leftInOrder ? 0 : 1);
  const checkpoint = await latestCheckpoint(agent.graph, threadId);
  if (checkpoint === input.checkpoint) return { ...begun, attempt, takenUp: true };
  const { fork: ___, ...rest } = begun;
  return { ...rest, graphInput: { kind: "continue" }, checkpoint, wentOn: true, answered: [], attempt, takenUp: true };
}

/** The parts of a thread that a lost run leaves. */
interface Left {
  /** The questions that are open again, because the graph never took their answers. */
  readonly interrupts?: readonly Interrupt[] | undefined;
  /** The transcript; absent where it stays as it is. */
  readonly messages?: readonly Message[];
}

async function close(keepers: Keepers, run: RunRecord, claim: Claim, left: Left = {}): Promise<void> {
  const { store, log } = keepers;
  if (run.status === "deleting") return erase(keepers, claim);
  if (run.status === "admitted") await store.withdraw(claim);
  else if (run.status === "active") await lose(store, run, claim, left);
  const stored = await store.run(run.threadId, run.runId);
  if (stored?.status !== "ending") return;
  await writeEnd(log, stored, run.status === "ending");
  await store.ended(claim);
}

/**
 * Ends the run in the store, as a lost run. The messages that came with the run, and the run's own, stay in the
 * transcript. If the thread goes on, a node that runs again takes its messages back.
 */
async function lose(store: Store, run: RunRecord, claim: Claim, { interrupts = [], ...left }: Left): Promise<void> {
  const { code, message, retryable } = new SluiceError("owner_lost");
  const terminal = stamped({ type: EventType.RUN_ERROR, message, code, metadata: { retryable } });
  const messages = left.messages ?? (await store.thread(claim.threadId))?.messages ?? [];
  const { drafts, again } = (run.input ?? {}) as Partial<RunInput>;
  const { places } = (run.soFar ?? {}) as Partial<SoFar>;
  const waits = { interrupts, drafts: { ...drafts, ...again, ...places } };
  const end = { status: "failed", closing: [terminal], messages, state: undefined, refused: {} } as const;
  await store.ending(claim, { ...end, ...waits });
}

/**
 * Makes the log agree with a run's stored end. If the log has the run without its end, the end is added. If the end
 * does not continue the log's entries (`follows` is `false`), a new epoch begins instead: readers meet a gap, and get
 * the end from the store. Readers of a log that has nothing of the run get the end from the store too.
 */
async function writeEnd(
  log: EventLog,
  { threadId, runId, fence, closing = [] }: RunRecord,
  follows: boolean,
): Promise<void> {
  const topic = threadTopic(threadId);
  if (await isOpen(log, topic, runId)) {
    const entries = closing.map((event) => entryOf(event, runId));
    await (follows ? log.append(topic, fence, entries) : log.claim(topic, fence, true));
  }
  const graph = graphTopic(threadId);
  if (await isOpen(log, graph, runId)) await log.claim(graph, fence, true);
}

const ENDS: ReadonlySet<LogEntry["type"]> = new Set([EventType.RUN_FINISHED, EventType.RUN_ERROR, "GRAPH_END"]);

/** Does the topic end in the middle of this run? A topic has one run at a time. */
async function isOpen(log: EventLog, topic: Topic, runId: string): Promise<boolean> {
  const head = await log.head(topic);
  if (!head || head.offset === 0) return false;
  const [last] = (await log.read(topic, { ...head, offset: head.offset - 1 }, 1)).entries;
  return last?.runId === runId && !ENDS.has(last.type);
}
