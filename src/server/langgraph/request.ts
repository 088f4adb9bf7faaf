/** The body that starts a run, as LangGraph's clients write it. Fields that could steer a graph are refused. Pure. */
import { z } from "zod";
import type { ServedAgent } from "../../graph/registry.ts";
import { BREAKPOINT } from "../../graph/source.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { Interrupt, ResumeEntry, RunAgentInput } from "../../protocol/events.ts";
import { isRecord, parseRunAgentInput, parseWith } from "../../protocol/input.ts";
import type { Steering } from "../../protocol/steering.ts";
import type { Return } from "../../runs/points.ts";
import { offeredByAdapter } from "./adapter.ts";
import { CHECKPOINT_FIELDS, checkpointIn } from "./checkpoint.ts";
import { fromLangGraphMessages } from "./messages.ts";
import { type Gatekeeper, isEmpty, refuseExcept, STEERING_FIELDS, steeringOf } from "./steering.ts";

/** The modes that a stream of LangGraph's API can have. Nothing leaves in `checkpoints`, `tasks` and `debug`. */
const STREAM_MODES = [
  "values",
  "updates",
  "messages",
  "messages-tuple",
  "custom",
  "events",
  "checkpoints",
  "tasks",
  "debug",
] as const;

export type StreamMode = (typeof STREAM_MODES)[number];

const streamMode = z.enum(STREAM_MODES, { error: `must be one or several of ${STREAM_MODES.join(", ")}` });

/** One mode or a list of them; in a query the list may be JSON. */
export const streamModes = z
  .preprocess((value) => {
    const text = typeof value === "string" && value.startsWith("[") ? listIn(value) : value;
    return typeof text === "string" ? [text] : text;
  }, z.array(streamMode).optional())
  .transform((modes) => new Set<StreamMode>(modes));

function listIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

const runBody = z.object({
  assistant_id: z.string(),
  input: z.unknown().optional(),
  command: z.record(z.string(), z.unknown()).nullish(),
  config: z.record(z.string(), z.unknown()).nullish(),
  stream_mode: streamModes,
  stream_resumable: z.boolean().nullish(),
  multitask_strategy: z
    .enum(["reject", "enqueue", "interrupt"], {
      error: "must be reject, enqueue or interrupt: no run is rolled back for another one",
    })
    .nullish(),
  on_disconnect: z.enum(["cancel", "continue"]).nullish(),
  on_completion: z.enum(["delete", "keep"]).nullish(),
});

/** A client's wishes for a run. */
export interface RunWishes<Agent> {
  readonly agent: Agent;
  readonly modes: ReadonlySet<StreamMode>;
  readonly whenBusy?: ServedAgent["whenBusy"];
  /** The run may go on without its client. */
  readonly detached: boolean;
  /** A thread that was made for this run alone stays after it. */
  readonly keepsThread: boolean;
  /** The input of the graph: `messages`, and keys of its state. */
  readonly input: Readonly<Record<string, unknown>> | undefined;
  /** The value that answers the thread's interrupts; an answer may be `null`. */
  readonly resume: { readonly value: unknown } | undefined;
  /** The id of the checkpoint that the run goes back to. */
  readonly checkpoint: string | undefined;
  readonly steering: Steering;
}

/** Fields that are read, and fields that clients send by default and that change nothing here. */
const TAKEN = new Set([
  ...Object.keys(runBody.shape),
  ...STEERING_FIELDS,
  "webhook",
  "stream_subgraphs",
  "if_not_exists",
  "durability",
  "checkpoint_during",
  "feedback_keys",
  "strict_resume",
  "raise_error",
]);

/**
 * Reads the body of a request that starts a run. `agentOf` gives the agent that the body names.
 * @throws SluiceError `bad_request` that names the field; `forbidden` that names a field that clients may not set.
 */
export function readRunBody<Agent extends Gatekeeper>(
  value: unknown,
  threadId: string,
  agentOf: (name: string) => Agent,
): RunWishes<Agent> {
  const body = parseWith(runBody, value, "body");
  const sent = value as Readonly<Record<string, unknown>>;
  const { command, config } = body;
  const agent = agentOf(body.assistant_id);
  const mayGoBack = agent.accepts.includes("checkpoint");
  refuseExcept({ ...sent }, (name) => TAKEN.has(name) || (mayGoBack && CHECKPOINT_FIELDS.has(name)), "");
  const checkpoint = mayGoBack ? checkpointIn(sent, threadId) : undefined;
  if (checkpoint !== undefined && command && "resume" in command) {
    throw new SluiceError(
      "bad_request",
      "command.resume: answers the thread's last question. Leave out the checkpoint.",
    );
  }
  if (!isEmpty(sent.webhook)) throw new SluiceError("not_implemented", "webhook: nothing is sent to webhooks.");
  // Every `RemoteGraph` sends its own default for the recursion's limit.
  refuseExcept({ ...config }, (name) => ["metadata", "configurable", "recursion_limit"].includes(name), "config.");
  if (body.input !== undefined && body.input !== null && !isRecord(body.input)) {
    throw new SluiceError("bad_request", 'input: must be an object like {"messages": [...]}, or null.');
  }
  return {
    agent,
    modes: body.stream_mode.size > 0 ? body.stream_mode : new Set(["values"]),
    ...(body.multitask_strategy ? { whenBusy: body.multitask_strategy } : {}),
    detached: body.on_disconnect === "continue" || (body.on_disconnect !== "cancel" && body.stream_resumable === true),
    keepsThread: body.on_completion === "keep",
    input: isRecord(body.input) ? body.input : undefined,
    resume: command && "resume" in command ? { value: command.resume } : undefined,
    checkpoint,
    steering: steeringOf(
      { sent, config, command, input: isRecord(body.input) ? body.input : undefined },
      agent,
      threadId,
    ),
  };
}

/**
 * AG-UI's input for a run.
 * @throws SluiceError `bad_request`, `interrupt_pending`.
 */
export function toRunInput(
  { agent, input, resume, steering }: RunWishes<Gatekeeper>,
  open: readonly Interrupt[],
  ids: { readonly threadId: string; readonly runId: string },
  goesBackTo: Return | undefined,
  goesOn: boolean,
): RunAgentInput {
  const { messages, ...keys } = input ?? {};
  const state = Object.fromEntries(Object.entries(keys).filter(([key]) => agent.stateKeys.includes(key)));
  const steers = input !== undefined || steering.command !== undefined;
  if (goesBackTo && !steers && !goesBackTo.repeats) throw new SluiceError("bad_request", NOTHING_TO_ANSWER);
  const starts = goesOn || goesBackTo !== undefined || input !== undefined || (steers && open.length === 0);
  const answers = resume ? answersOf(resume.value, open) : starts ? undefined : goOn(open);
  return parseRunAgentInput({
    ...ids,
    protocolVersion: "1.0",
    messages: messages === undefined || messages === null ? [] : fromLangGraphMessages(messages, "input.messages"),
    ...offeredByAdapter(keys, agent),
    state,
    forwardedProps: {},
    ...(answers ? { resume: answers } : {}),
  });
}

const NOTHING_TO_ANSWER =
  "input: must be an object, because there is nothing to answer again at this checkpoint. To go on from a breakpoint, leave out the checkpoint.";

/** One value answers one interrupt; several are answered by an object with their ids. */
export function answersOf(value: unknown, open: readonly Interrupt[]): ResumeEntry[] {
  const [only, ...others] = open;
  if (!only) throw new SluiceError("bad_request", "command.resume: this thread waits for no answer.");
  const byId = isRecord(value) && Object.keys(value).length > 0 && open.every(({ id }) => Object.hasOwn(value, id));
  if (!byId && others.length > 0) {
    const ids = open.map(({ id }) => id).join(", ");
    throw new SluiceError(
      "interrupt_pending",
      `command.resume: must be an object with an answer for each of these interrupts: ${ids}.`,
    );
  }
  return open.map(({ id }) => answer(id, byId ? value[id] : value));
}

/** In AG-UI an absent payload stands for `null`. */
function answer(interruptId: string, payload: unknown): ResumeEntry {
  return { interruptId, status: "resolved", ...(payload === null || payload === undefined ? {} : { payload }) };
}

/** A request without input goes on from a breakpoint, and answers nothing. */
function goOn(open: readonly Interrupt[]): ResumeEntry[] {
  if (open.length === 0 || !open.every(({ id }) => id.startsWith(BREAKPOINT))) {
    throw new SluiceError(
      "bad_request",
      "input: must be an object, unless command.resume has an answer or the thread's last run has failed or was cancelled.",
    );
  }
  return open.map(({ id }) => answer(id, null));
}
