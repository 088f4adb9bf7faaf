/**
 * The one place that drives a graph, through one of two sources of the same events. It does so under one
 * AbortController, takes out the events that are not for clients, and adds what v2 leaves out. A caller that stops
 * reading stops the graph.
 */
import { randomUUID } from "node:crypto";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { messageOf } from "../protocol/redact.ts";
import { CachedNodes, cacheModes } from "./cached-nodes.ts";
import { driveDirect, hasStream } from "./direct.ts";
import { Failures } from "./failures.ts";
import { toGraphInput } from "./graph-input.ts";
import { toLangChain } from "./input.ts";
import { written } from "./normalize.ts";
import type { Output } from "./output-bounds.ts";
import { type InterruptOrigin, RunNotes } from "./run-notes.ts";
import type { RunRequest } from "./run-request.ts";
import { inSpans, type RunSpans } from "./run-spans.ts";
import { driveStreamEvents } from "./stream-events.ts";
import { Subagents } from "./subagents.ts";
import { leavesLoop } from "./thrown.ts";
import { placedWriter } from "./writer.ts";

export type { GraphInput, RunRequest } from "./run-request.ts";

export type StreamVersion = "v1" | "v2";

/** The source of a graph's events: its own `streamEvents`, or one callback handler on `graph.stream`. */
export type StreamSource = "streamEvents" | "direct";

/**
 * The part of a compiled graph that Sluice needs. Structural, so that graphs built with another copy of LangGraph fit
 * too.
 */
export interface ServedGraph {
  // Method syntax: parameters are compared bivariantly, so a graph's own narrower input and option types fit.
  /** The events of a run, as LangGraph's `streamEvents` v2 gives them. */
  streamEvents(input: unknown, options: Record<string, unknown>): AsyncIterable<unknown>;
  /** A run of the graph. The direct source needs it; without it the graph is read through `streamEvents`. */
  stream?(input: unknown, options: Record<string, unknown>): Promise<AsyncIterable<unknown>>;
  /** The state of a thread. Needed where the graph keeps its threads itself. */
  getState?(config: Record<string, unknown>): Promise<unknown>;
  /** Set (and not `false`) when the graph keeps its threads itself. */
  readonly checkpointer?: unknown;
  /** Set when results of nodes may come from a cache. */
  readonly cache?: unknown;
  /** Set when the graph was compiled with a store of its own, which it keeps. */
  readonly store?: unknown;
}

/** The ids of a static breakpoint's interrupts begin with this; LangGraph gives them none. */
export const BREAKPOINT = "breakpoint-";

export interface GraphInterrupt extends InterruptOrigin {
  readonly id: string;
  readonly value: unknown;
}

/** A graph being read. `interrupts` is filled as they happen. */
export interface GraphRun {
  /**
   * Reads it to its end, once, and hands over every event. It calls `each` instead of being iterated, because an
   * iteration would create a promise for each of thousands of events. It calls `each` in the turn of the event loop in
   * which the graph sends the event: the transcript is stored one turn later, before the graph's memory.
   */
  read(each: (event: GraphEvent) => void): Promise<void>;
  readonly interrupts: readonly GraphInterrupt[];
  /** An answer of a model was cut off: its stream ended before the model did. */
  readonly cutAnswer: boolean;
  /** The output of its models so far, that of the process before included. */
  readonly output: Output;
  /** Was this thrown by a model call, rather than by the graph around it? */
  isModelError(error: unknown): boolean;
}

export interface SourceOptions {
  readonly version: StreamVersion;
  /** Default: `streamEvents`. */
  readonly source?: StreamSource | undefined;
  /** Spans for OpenTelemetry hold what was said. Default: they do not. */
  readonly traceContent?: boolean | undefined;
}

/**
 * Opens a run. Nothing happens until it is read. When `signal` aborts, `read` rejects with `signal.reason` at
 * once, however long the graph takes to notice.
 */
export function openRun(
  graph: ServedGraph,
  request: RunRequest,
  signal: AbortSignal,
  options: SourceOptions,
): GraphRun {
  const notes = new RunNotes(request.hooks);
  const interrupts: GraphInterrupt[] = [];
  const reading = (spans: RunSpans, each: (event: GraphEvent) => void) =>
    read(graph, request, signal, options, notes, spans, interrupts, each);
  return {
    read: (each) => inSpans(request, options.traceContent === true, (spans) => reading(spans, each)),
    interrupts,
    get cutAnswer() {
      return notes.cutAnswer;
    },
    get output() {
      return notes.output;
    },
    isModelError: (error) => notes.isModelError(error),
  };
}

async function read(
  graph: ServedGraph,
  request: RunRequest,
  signal: AbortSignal,
  { version, source }: SourceOptions,
  notes: RunNotes,
  { callbacks }: RunSpans,
  interrupts: GraphInterrupt[],
  each: (event: GraphEvent) => void,
): Promise<void> {
  signal.throwIfAborted();
  // LangSmith needs UUIDs, but clients may send any id. So the trace has its own id, and carries the run's id as
  // metadata.
  const traceId = randomUUID();
  const controller = new AbortController();
  const input = toGraphInput(request);
  const config = {
    runId: traceId,
    runName: request.agent,
    configurable: {
      ...request.configurable,
      thread_id: request.threadId,
      ag_ui: request.offered,
      sluice: { takeInjected: async () => toLangChain((await request.takeInjected?.()) ?? []) },
      // This comes last, so that neither a client nor an agent's settings can set the user.
      ...(request.user ? { user: request.user } : {}),
      ...(request.checkpointId === undefined ? {} : { checkpoint_id: request.checkpointId }),
    },
    // Without any context, a graph whose schema asks for one gets none instead of an empty one.
    ...(Object.keys(request.context ?? {}).length > 0 ? { context: { ...request.context } } : {}),
    ...(graph.store || !request.store ? {} : { store: request.store }),
    ...(request.interruptBefore ? { interruptBefore: request.interruptBefore } : {}),
    ...(request.interruptAfter ? { interruptAfter: request.interruptAfter } : {}),
    metadata: {
      ...request.metadata,
      thread_id: request.threadName ?? request.threadId,
      run_id: request.runId,
      agent: request.agent,
      ...(request.user ? { user_id: request.user.id } : {}),
    },
    signal: controller.signal,
    // A step's checkpoint is kept before the next step begins, so that another process can take over after a crash.
    durability: "sync",
    ...(request.control ? { control: request.control } : {}),
    // They arrive as on_chain_stream of the root run. `updates` shows interrupts, `custom` what LangGraph's writer writes.
    // `values` carries the whole state by reference, and is requested only if some of it is exposed.
    streamMode: ["updates", "custom", ...(request.stateKeys.length > 0 ? ["values"] : []), ...cacheModes(graph)],
  };
  const cached = new CachedNodes();
  const subagents = request.subagents === false ? undefined : new Subagents(notes);
  let over = false;
  // The run may be aborted while it takes the first of several events.
  const pass = (event: GraphEvent) => {
    if (!over && !signal.aborted) each(event);
  };
  const failures = new Failures(() => notes.takeFailed(), pass);
  const take = (event: GraphEvent) => {
    if (over || signal.aborted) return;
    const given =
      event.event === "on_chain_stream" && event.run_id === traceId
        ? readRootChunk(event, notes, interrupts, cached, request.stateKeys)
        : annotate(subagents ? subagents.around(notes.placed(event)) : notes.placed(event), notes);
    if (Array.isArray(given)) given.forEach(pass);
    else {
      failures.saw(given);
      pass(given);
    }
  };
  // One race for the whole run: a race for each token would cost more than the token.
  let stop: (reason: unknown) => void = () => {};
  const stopped = new Promise<never>((_, reject) => {
    stop = reject;
  });
  const onAbort = () => {
    // The graph is aborted at once: LangGraph must not store what the running node still returns.
    controller.abort(signal.reason);
    stop(signal.reason);
  };
  signal.addEventListener("abort", onAbort);
  // Events arrive within the same turn of the event loop. One turn later, all events of the call have been read.
  notes.modelFailed = () =>
    setImmediate(() => {
      try {
        if (!over && !signal.aborted) failures.report();
      } catch (error) {
        stop(error);
      }
    });
  const writer = placedWriter(
    (value) =>
      take({ event: "on_custom_event", run_id: traceId, tags: [], metadata: config.metadata, ...written(value) }),
    stop,
  );
  // v1 has no events for dispatched values.
  const driven = version === "v1" ? config : { ...config, writer };
  const drive =
    source === "direct" && hasStream(graph)
      ? driveDirect(graph, input, { ...driven, callbacks }, notes, take)
      : driveStreamEvents(graph, input, { ...driven, callbacks: [notes, ...callbacks] }, version, take);
  let ended = false;
  try {
    await Promise.race([drive.done, stopped]);
    ended = true;
  } finally {
    over = true;
    signal.removeEventListener("abort", onAbort);
    if (!ended) {
      controller.abort(signal.reason);
      // The run's end is decided already, and a graph that ignores its signal may never end.
      drive.leave();
    }
  }
}

/**
 * Reads a chunk of the root graph: notes an interrupt, makes a written value a custom event, picks the state's exposed
 * keys, and passes an update, with the events of a node whose result came from a cache.
 */
function readRootChunk(
  event: GraphEvent,
  notes: RunNotes,
  interrupts: GraphInterrupt[],
  cached: CachedNodes,
  stateKeys: readonly string[],
): GraphEvent[] {
  const chunk = isRecord(event.data) ? event.data.chunk : undefined;
  if (!Array.isArray(chunk)) return [event];
  const [mode, value] = chunk.slice(-2) as [unknown, unknown];
  if (mode === "custom") return [{ ...event, event: "on_custom_event", ...written(value) }];
  if (mode === "tasks") {
    cached.note(value);
    return [];
  }
  if (isRecord(value) && Array.isArray(value.__interrupt__)) {
    if (mode === "updates") interrupts.push(...noted(value.__interrupt__ as GraphInterrupt[], notes));
    return [];
  }
  if (mode === "values") return [{ ...event, data: {}, state: pick(value, stateKeys) }];
  return [{ ...event, data: { chunk: value } }, ...cached.eventsOf(event, value)];
}

/** LangGraph reports a static breakpoint without an id or a value, so both are added here. */
function noted(interrupts: readonly GraphInterrupt[], notes: RunNotes): readonly GraphInterrupt[] {
  if (interrupts.length > 0) {
    return interrupts.map(({ id, value }) => ({ id, value, ...notes.interruptOrigin(id) }));
  }
  const value = { reason: "breakpoint", message: "The graph paused at a breakpoint." };
  return [{ id: `${BREAKPOINT}${randomUUID()}`, value }];
}

function pick(state: unknown, keys: readonly string[]): Record<string, unknown> {
  if (!isRecord(state)) return {};
  return Object.fromEntries(keys.filter((key) => Object.hasOwn(state, key)).map((key) => [key, state[key]]));
}

function annotate(event: GraphEvent, notes: RunNotes): GraphEvent {
  switch (event.event) {
    case "on_tool_start":
      return { ...event, toolCallId: notes.toolCallId(event.run_id) };
    case "on_tool_end":
    case "on_tool_error": {
      const toolCallId = notes.toolCallId(event.run_id);
      const thrown = notes.takeToolError(event.run_id);
      notes.endTool(event.run_id);
      // A tool that interrupts or hands over throws to get out of LangGraph's loop. That ends the tool, and is no
      // failure.
      if (leavesLoop(thrown)) return { ...event, toolCallId, data: {}, silent: true };
      return { ...event, toolCallId, ...(thrown === undefined ? {} : { data: withError(event.data, thrown) }) };
    }
    case "on_chain_end":
      notes.endChain(event.run_id);
      return event;
    case "on_chat_model_end":
    case "on_llm_end": {
      const { finishReason, usage } = notes.takeModelEnd(event.run_id) ?? {};
      return { ...event, finishReason, usage };
    }
    default:
      return event;
  }
}

/** The error's message instead of v2's string, which has the stack in it. */
function withError(data: unknown, thrown: unknown): unknown {
  return { ...(isRecord(data) ? data : {}), error: messageOf(thrown) };
}
