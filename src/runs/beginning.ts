/** Reads a client's input against its thread: the beginning of a run. */
import { createHash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import { answered } from "../graph/answered.ts";
import type { ServedAgent } from "../graph/registry.ts";
import { BREAKPOINT, type GraphInput } from "../graph/source.ts";
import { SluiceError } from "../protocol/errors.ts";
import type { Interrupt, Message, ResumeEntry, RunAgentInput } from "../protocol/events.ts";
import type { CallIds } from "../protocol/ids.ts";
import { isRecord } from "../protocol/input.ts";
import type { JsonValue } from "../protocol/json.ts";
import { canonicalParts } from "../protocol/json-text.ts";
import type { BegunRun, ThreadRecord } from "../store/store.ts";
import { graphInterruptId } from "./answering.ts";
import { callIdsOf, withGivenIds } from "./call-ids.ts";
import { positionAfter, readHistory } from "./history.ts";
import { pointsOf, type Return } from "./points.ts";
import { stoppedEarly } from "./run-end.ts";

/** The characters of an input that are digested in one turn of the event loop: others are served between two turns. */
const DIGESTED_AT_ONCE = 65_536;

/**
 * A digest of the input that starts a run. The same input attaches to the run. Another input under the same runId is a
 * conflict.
 */
export async function bodyHash(agent: string, input: RunAgentInput): Promise<string> {
  const hash = createHash("sha256");
  let length = 0;
  // Message by message: a text of all messages would be made only for this.
  for (const part of canonicalParts([agent, input], 3)) {
    hash.update(part);
    length += part.length;
    if (length < DIGESTED_AT_ONCE) continue;
    length = 0;
    await nextTurn();
  }
  return hash.digest("base64url");
}

/** The beginning of a run. */
export interface Beginning {
  /** The transcript as far as it still holds. */
  readonly history: readonly Message[];
  readonly fresh: readonly Message[];
  readonly input: GraphInput;
  /** The checkpoint to go back to, when the client's history parts from the thread's. */
  readonly fork: { readonly checkpointId: string } | undefined;
  /** The ids that models gave to the thread's calls. */
  readonly callIds: CallIds;
}

/** The places, other than the end of its thread, from which a run may go on. */
export interface Ways {
  /** The history ends at this point, whatever the client holds. */
  readonly goesBackTo?: Return | undefined;
  /**
   * The run goes on where the last one failed or was cancelled. `midway`: the graph has stopped before a task, and can
   * go on itself. `checkpoint`: where it stands.
   */
  readonly goesOn?: { readonly midway: boolean; readonly checkpoint: string } | undefined;
}

/**
 * Reads a client's input against its thread.
 * @throws SluiceError `interrupt_pending` when answers that the thread waits for are missing. `bad_request` when the
 * thread waits for no answers, when the run to which the history goes back is no longer known, when a run that goes
 * back brings answers, or when there is nothing to go on with.
 */
export function beginning(
  agent: ServedAgent,
  input: RunAgentInput,
  thread: ThreadRecord | undefined,
  runs: readonly BegunRun[],
  { goesBackTo: named, goesOn }: Ways = {},
): Beginning {
  const isKept = keeps(agent, thread);
  const goesOnMidway = goesOn?.midway === true && isKept;
  const stopped = stoppedEarly(thread?.ending?.terminal);
  // The graph took the last run's messages, and had done its work before the cancellation.
  const isDone = isKept && !goesOn?.midway && goesOn?.checkpoint !== runs.at(-1)?.checkpointBefore;
  if (goesOn && (!stopped || (stopped === "cancelled" && isDone))) throw nothingToGoOn();
  const goesBackTo = goesOn && !goesOnMidway ? lastQuestion(thread, runs) : named;
  const transcript = thread?.messages ?? [];
  const open = thread?.interrupts ?? [];
  const resume = input.resume ?? [];
  const { fresh: unread, freshAfter, partsAt: differsAt } = readHistory(input.messages, transcript, thread?.removed);
  const partsAt = goesBackTo ? lengthAt(goesBackTo, runs, thread) : differsAt;
  const fresh = withoutAnswers(unread, open);
  if (resume.length > 0 && open.length === 0) {
    throw new SluiceError("bad_request", "The field resume answers interrupts, but this thread waits for none.");
  }
  if (goesBackTo && resume.length > 0) {
    throw new SluiceError("bad_request", "A run that goes back cannot answer interrupts. Leave out the field resume.");
  }
  const asSent = !isKept;
  if (partsAt !== undefined && resume.length === 0) {
    const { start, checkpointBefore } = runThatMade(partsAt, runs, thread);
    const history = transcript.slice(0, start);
    const again = goesBackTo ? [...transcript.slice(start, partsAt), ...freshAfter(partsAt)] : freshAfter(start);
    return {
      history,
      fresh: again,
      input: messagesFor(agent, input, thread, history, again),
      fork: { checkpointId: checkpointBefore },
      callIds: callIdsOf(thread, history, asSent),
    };
  }
  const callIds = callIdsOf(thread, transcript, asSent);
  if (open.length > 0) {
    if (thread && thread.agent !== agent.name) {
      throw new SluiceError("bad_request", `The thread waits for answers to agent "${thread.agent}". Send them to it.`);
    }
    const answers = answersTo(open, resume);
    const paused = open.every(({ id }) => id.startsWith(BREAKPOINT));
    const resumed = withGivenIds({ kind: "resume", answers, messages: fresh }, callIds);
    return { history: transcript, fresh, input: paused ? { kind: "continue" } : resumed, fork: undefined, callIds };
  }
  const graphInput = goesOnMidway
    ? { kind: "continue" as const }
    : messagesFor(agent, input, thread, transcript, fresh);
  return { history: transcript, fresh, input: graphInput, fork: undefined, callIds };
}

/**
 * Leaves out answers that clients also send as the result of the call that asked. The graph gives that call its result.
 */
function withoutAnswers(fresh: readonly Message[], open: readonly Interrupt[]): readonly Message[] {
  const asked = new Set(open.flatMap(({ toolCallId }) => toolCallId ?? []));
  return fresh.filter((message) => message.role !== "tool" || !asked.has(message.toolCallId));
}

/** The number of messages before a point; `undefined`: nothing is to be undone. */
function lengthAt(
  { after, repeats }: Return,
  runs: readonly BegunRun[],
  thread: ThreadRecord | undefined,
): number | undefined {
  const messages = thread?.messages ?? [];
  const length = positionAfter(after, messages, thread?.removed);
  if (length === messages.length && !repeats) return undefined;
  // The run that was active when the client named the point may have gone on since.
  if (pointsOf(thread, runs).some((point) => point.length === length)) return length;
  throw new SluiceError("bad_request", "checkpoint: the thread has left it since. Read the history again.");
}

/** The point after the messages that the last run began with. A graph that has not taken them gets them again. */
function lastQuestion(thread: ThreadRecord | undefined, runs: readonly BegunRun[]): Return {
  const start = positionAfter(runs.at(-1)?.beginsAfter, thread?.messages ?? [], thread?.removed) ?? 0;
  const point = pointsOf(thread, runs).find(({ length, repeats }) => repeats && length > start);
  if (!point) throw nothingToGoOn();
  return point;
}

function nothingToGoOn(): SluiceError {
  return new SluiceError(
    "bad_request",
    "input: must be an object, because the thread's last run has nothing left to do.",
  );
}

/** The last run that began at or before this message. Runs of branches that were left come before it. */
function runThatMade(
  index: number,
  runs: readonly BegunRun[],
  thread: ThreadRecord | undefined,
): { readonly start: number; readonly checkpointBefore: string } {
  for (const { beginsAfter, checkpointBefore } of [...runs].reverse()) {
    const start = positionAfter(beginsAfter, thread?.messages ?? [], thread?.removed);
    if (start !== undefined && start <= index) return { start, checkpointBefore };
  }
  throw new SluiceError("bad_request", "The history parts from the thread too far back. Start a new thread.");
}

/**
 * Does the agent's graph hold the thread's messages? A graph that holds them is given the new ones. Any other graph is
 * given the whole conversation. A graph whose thread another agent answered until now does not hold them.
 */
function keeps({ name, graph }: ServedAgent, thread: ThreadRecord | undefined): boolean {
  return Boolean(graph.checkpointer) && (thread === undefined || thread.agent === name);
}

function messagesFor(
  agent: ServedAgent,
  input: RunAgentInput,
  thread: ThreadRecord | undefined,
  history: readonly Message[],
  fresh: readonly Message[],
): GraphInput {
  const state = changedState(agent.stateKeys, input.state, thread?.state);
  if (!keeps(agent, thread)) return { kind: "messages", messages: answered([...history, ...fresh]), state };
  return withGivenIds({ kind: "messages", messages: fresh, state }, thread?.callIds ?? {});
}

/**
 * The client's changes of the exposed keys. Clients send back all values they hold, and a reducer would add unchanged
 * values again.
 */
function changedState(keys: readonly string[], sent: unknown, known: JsonValue | undefined): Record<string, unknown> {
  if (!isRecord(sent)) return {};
  const before = isRecord(known) ? known : {};
  const changed = keys.filter((key) => Object.hasOwn(sent, key) && !isDeepStrictEqual(sent[key], before[key]));
  return Object.fromEntries(changed.map((key) => [key, sent[key]]));
}

function answersTo(open: readonly Interrupt[], resume: readonly ResumeEntry[]): Record<string, unknown> {
  const answers = new Map(resume.map((entry) => [entry.interruptId, answer(entry)]));
  const missing = open.filter(({ id }) => !answers.has(id));
  if (missing.length > 0) {
    throw new SluiceError(
      "interrupt_pending",
      `The thread waits for answers to: ${missing.map(({ id }) => id).join(", ")}. Send them in the field resume.`,
      { details: { interrupts: open } },
    );
  }
  return Object.fromEntries(open.map(({ id }) => [graphInterruptId(id), answers.get(id)]));
}

/** A cancelled entry reaches the graph as a value that it can recognize. (Source: `@ag-ui/langgraph`'s convention.) */
function answer(entry: ResumeEntry): unknown {
  return entry.status === "cancelled" ? { __agui_cancelled__: true } : (entry.payload ?? null);
}
