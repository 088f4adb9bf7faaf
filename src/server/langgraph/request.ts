/** The body that starts a run, as LangGraph's clients write it. Fields that could steer a graph are refused. Pure. */
import { z } from "zod";
import type { ServedAgent } from "../../graph/registry.ts";
import { BREAKPOINT } from "../../graph/source.ts";
import { SluiceError } from "../../protocol/errors.ts";
import type { Interrupt, ResumeEntry, RunAgentInput } from "../../protocol/events.ts";
import { isRecord, parseRunAgentInput, parseWith } from "../../protocol/input.ts";
import { shown } from "../../protocol/text.ts";
import { fromLangGraphMessages } from "./messages.ts";

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
});

/** A client's wishes for a run. */
export interface RunWishes {
  readonly assistant: string;
  readonly modes: ReadonlySet<StreamMode>;
  readonly whenBusy?: ServedAgent["whenBusy"];
  /** The run may go on without its client. */
  readonly detached: boolean;
  /** The input of the graph: `messages`, and keys of its state. */
  readonly input: Readonly<Record<string, unknown>> | undefined;
  /** The value that answers the thread's interrupts; an answer may be `null`. */
  readonly resume: { readonly value: unknown } | undefined;
  readonly context: Readonly<Record<string, unknown>>;
}

/** Fields that are read, and fields that clients send by default and that change nothing here. */
const TAKEN = new Set([
  ...Object.keys(runBody.shape),
  "context",
  "metadata",
  "stream_subgraphs",
  "on_completion",
  "if_not_exists",
  "durability",
  "checkpoint_during",
  "feedback_keys",
  "strict_resume",
  "raise_error",
]);

/** Entries of `metadata` that repeat what the request itself says. Clients send them by default. */
const ECHOES = new Set(["thread_id", "assistant_id", "graph_id", "run_id"]);

/**
 * Reads the body of a request that starts a run.
 * @throws SluiceError `bad_request` that names the field; `forbidden` that names a field that clients may not set.
 */
export function readRunBody(value: unknown, threadId: string): RunWishes {
  const body = parseWith(runBody, value, "body");
  const sent = value as Readonly<Record<string, unknown>>;
  const { input, command, config } = body;
  refuse(sent, TAKEN, "");
  if (!isEmpty(sent.webhook)) throw new SluiceError("not_implemented", "webhook: nothing is sent to webhooks.");
  if (isRecord(sent.metadata)) refuse(sent.metadata, ECHOES, "metadata.");
  else if (!isEmpty(sent.metadata)) throw new SluiceError("bad_request", "metadata: must be an object.");
  if (config) {
    // Every `RemoteGraph` sends its own default.
    refuse(config, new Set(["metadata", "configurable", "recursion_limit"]), "config.");
    if (isRecord(config.metadata)) refuse(config.metadata, ECHOES, "config.metadata.");
    if (isRecord(config.configurable)) {
      // Clients name their own thread here too.
      const own = config.configurable.thread_id === threadId ? ["thread_id"] : [];
      refuse(config.configurable, new Set(own), "config.configurable.");
    }
  }
  if (command) refuse(command, new Set(["resume"]), "command.");
  if (!isEmpty(sent.context) && !isRecord(sent.context)) {
    throw new SluiceError("bad_request", "context: must be an object.");
  }
  if (input !== undefined && input !== null && !isRecord(input)) {
    throw new SluiceError("bad_request", 'input: must be an object like {"messages": [...]}, or null.');
  }
  return {
    assistant: body.assistant_id,
    modes: body.stream_mode.size > 0 ? body.stream_mode : new Set(["values"]),
    ...(body.multitask_strategy ? { whenBusy: body.multitask_strategy } : {}),
    detached: body.on_disconnect === "continue" || (body.on_disconnect !== "cancel" && body.stream_resumable === true),
    input: isRecord(input) ? input : undefined,
    resume: command && "resume" in command ? { value: command.resume } : undefined,
    context: isRecord(sent.context) ? sent.context : {},
  };
}

/** A field that is absent or empty asks for nothing. */
function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null || value === "" || value === false) return true;
  return typeof value === "object" && Object.keys(value).length === 0;
}

function refuse(fields: Readonly<Record<string, unknown>>, taken: ReadonlySet<string>, path: string): void {
  for (const [name, value] of Object.entries(fields)) {
    if (taken.has(name) || isEmpty(value) || (path === "" && name === "webhook")) continue;
    throw forbidden(`${path}${name}`);
  }
}

function forbidden(field: string): SluiceError {
  return new SluiceError("forbidden", `${shown(field)}: clients may not set this. Leave it out.`);
}

/**
 * AG-UI's input for a run.
 * @throws SluiceError `forbidden` that names a key that the agent does not expose, `bad_request`, `interrupt_pending`.
 */
export function toRunInput(
  { input, resume, context }: RunWishes,
  { stateKeys, clientContext }: Pick<ServedAgent, "stateKeys" | "clientContext">,
  open: readonly Interrupt[],
  ids: { readonly threadId: string; readonly runId: string },
): RunAgentInput {
  const { messages, ...state } = input ?? {};
  for (const key of Object.keys(state)) if (!stateKeys.includes(key)) throw forbidden(`input.${key}`);
  for (const key of Object.keys(context)) if (!clientContext.includes(key)) throw forbidden(`context.${key}`);
  const answers = resume ? answersOf(resume.value, open) : input ? undefined : goOn(open);
  return parseRunAgentInput({
    ...ids,
    protocolVersion: "1.0",
    messages: messages === undefined || messages === null ? [] : fromLangGraphMessages(messages, "input.messages"),
    tools: [],
    context: [],
    state,
    forwardedProps: Object.keys(context).length > 0 ? { context } : {},
    ...(answers ? { resume: answers } : {}),
  });
}

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
  return open.map(({ id }) => ({ interruptId: id, status: "resolved", payload: byId ? value[id] : value }));
}

/** A request without input goes on from a breakpoint, and answers nothing. */
function goOn(open: readonly Interrupt[]): ResumeEntry[] {
  if (open.length === 0 || !open.every(({ id }) => id.startsWith(BREAKPOINT))) {
    throw new SluiceError("bad_request", "input: must be an object, unless command.resume has an answer.");
  }
  return open.map(({ id }) => ({ interruptId: id, status: "resolved", payload: null }));
}
