/** Facts that `streamEvents` v2 leaves out, noted by a callback handler that runs beside it. */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import type { LLMResult } from "@langchain/core/outputs";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { CutAnswers } from "./cut-answers.ts";
import { type ModelEnd, modelEnd } from "./model-end.ts";
import { NO_OUTPUT_LIMITS, type Output, OutputBounds, type OutputLimits } from "./output-bounds.ts";
import { Places } from "./places.ts";
import { leavesLoop, questionsIn } from "./thrown.ts";

/** The longest time that models may work without giving the event loop a turn. */
export const MOST_WITHOUT_TURN_MS = 50;

export interface Hooks {
  /** Called when a model's answer was cut off, before the node that asked gets it. */
  readonly onCut?: (() => void) | undefined;
  /** Default: none. */
  readonly outputLimits?: OutputLimits | undefined;
  /** The output of the run's models in the process before. Default: none. */
  readonly outputBefore?: Output | undefined;
  /** Called once, when the models give more than one of them allows. */
  readonly onTooMuch?: ((limit: keyof OutputLimits) => void) | undefined;
}

/** The origin of an interrupt. */
export interface InterruptOrigin {
  /** The namespace of the node that asked. */
  readonly place?: string;
  /** The id that the model gave the call whose tool asked. */
  readonly toolCallId?: string;
  /** The run of that tool. */
  readonly toolRunId?: string;
}

/**
 * Notes by LangGraph run id. v2 leaves `tool_call_id` out of `on_tool_start`, loses the finish reason when a node
 * calls `invoke`, has no event for a failed model, and gives a failed tool's error with its stack in one string.
 *
 * LangChain awaits this handler, so a note exists before its event is read. The handler must not throw. It may only
 * wait to give the event loop a turn.
 */
export class RunNotes extends BaseCallbackHandler {
  override name = "sluice_run_notes";
  override awaitHandlers = true;
  readonly #toolCallIds = new Map<string, string>();
  /** The tool around a run, if there is one. */
  readonly #toolsAround = new Map<string, string>();
  readonly #places = new Places();
  readonly #modelEnds = new Map<string, ModelEnd>();
  readonly #toolErrors = new Map<string, unknown>();
  readonly #origins = new Map<string, InterruptOrigin>();
  readonly #modelErrors = new Set<unknown>();
  readonly #cut = new CutAnswers();
  readonly #onCut: () => void;
  readonly #output: OutputBounds;
  #turnedAt = performance.now();
  #failed: string[] = [];
  /** Called with every model call that fails; the events of the call may not have been read yet. */
  modelFailed: () => void = () => {};

  constructor({ onCut = () => {}, outputLimits = NO_OUTPUT_LIMITS, outputBefore, onTooMuch = () => {} }: Hooks = {}) {
    super();
    this.#onCut = onCut;
    this.#output = new OutputBounds(outputLimits, onTooMuch, outputBefore);
  }

  /** Was an answer of a model cut off? */
  get cutAnswer(): boolean {
    return this.#cut.any;
  }

  /** The output of the run's models so far. */
  get output(): Output {
    return this.#output.output;
  }

  override handleChatModelStart(
    _model: Serialized,
    _messages: unknown,
    runId: string,
    parentRunId?: string,
    _extra?: Record<string, unknown>,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    this.#places.began(runId, parentRunId, metadata);
    this.#cut.started(runId, metadata);
  }

  /**
   * Gives the event loop a turn now and then. A model that never waits would block timers and sockets, even the
   * deadlines.
   */
  override handleLLMNewToken(
    _token: string,
    _index: unknown,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    fields?: unknown,
  ): void | Promise<void> {
    this.#cut.streamed(runId);
    this.#output.saw(runId, fields);
    if (performance.now() - this.#turnedAt < MOST_WITHOUT_TURN_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#turnedAt = performance.now();
        resolve();
      });
    });
  }

  override handleChainStart(
    _chain: Serialized,
    _inputs: unknown,
    runId: string,
    parentRunId?: string,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    this.#places.began(runId, parentRunId, metadata);
    const tool = this.#toolsAround.get(parentRunId ?? "");
    if (tool !== undefined) this.#toolsAround.set(runId, tool);
  }

  override handleToolStart(
    _tool: Serialized,
    _input: string,
    runId: string,
    parentRunId?: string,
    _tags?: string[],
    metadata?: Record<string, unknown>,
    _runName?: string,
    toolCallId?: string,
  ): void {
    this.#places.began(runId, parentRunId, metadata);
    this.#toolsAround.set(runId, runId);
    if (toolCallId) this.#toolCallIds.set(runId, toolCallId);
  }

  override handleLLMStart(
    _model: Serialized,
    _prompts: string[],
    runId: string,
    parentRunId?: string,
    _extra?: Record<string, unknown>,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    this.#places.began(runId, parentRunId, metadata);
  }

  override handleRetrieverStart(
    _retriever: Serialized,
    _query: string,
    runId: string,
    parentRunId?: string,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    this.#places.began(runId, parentRunId, metadata);
  }

  override handleToolError(error: unknown, runId: string): void {
    this.#toolErrors.set(runId, error);
    const toolCallId = this.#toolCallIds.get(runId);
    if (toolCallId !== undefined) this.#asked(error, { toolCallId, toolRunId: runId });
  }

  override handleChainError(error: unknown, runId: string): void {
    this.#asked(error, { place: this.#places.of(runId) });
    if (!leavesLoop(error)) this.#failed.push(runId);
  }

  /** Each run around the node passes the interrupt on: the innermost run has the node's place. */
  #asked(error: unknown, origin: InterruptOrigin): void {
    for (const id of questionsIn(error)) {
      const { place = origin.place, ...known } = this.#origins.get(id) ?? {};
      this.#origins.set(id, { ...known, ...origin, ...(place === undefined ? {} : { place }) });
    }
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    const end = modelEnd(output);
    this.#modelEnds.set(runId, end);
    this.#output.ended(runId, end.usage);
    if (this.#cut.ended(runId, end)) this.#onCut();
  }

  override handleLLMError(error: unknown, runId: string): void {
    this.#cut.failed(runId);
    this.#output.ended(runId);
    this.#modelErrors.add(error);
    this.#failed.push(runId);
    this.modelFailed();
  }

  /** The model calls and chains that failed. Reading takes them out. */
  takeFailed(): readonly string[] {
    const failed = this.#failed;
    if (failed.length > 0) this.#failed = [];
    return failed;
  }

  /** The model's id for a tool's run, while that run is open. */
  toolCallId(runId: string): string | undefined {
    return this.#toolCallIds.get(runId);
  }

  interruptOrigin(interruptId: string): InterruptOrigin | undefined {
    return this.#origins.get(interruptId);
  }

  /** The end of a model's run. Reading takes it out. */
  takeModelEnd(runId: string): ModelEnd | undefined {
    this.#places.ended(runId);
    return take(this.#modelEnds, runId);
  }

  /** The error of a tool. Reading takes it out, and the tool's run with it. */
  takeToolError(runId: string): unknown {
    return take(this.#toolErrors, runId);
  }

  endTool(runId: string): void {
    this.#places.ended(runId);
    this.#toolCallIds.delete(runId);
    this.#toolsAround.delete(runId);
  }

  /** The run of the innermost tool around a chain's run, while both are open. */
  toolAround(runId: string): string | undefined {
    return this.#toolsAround.get(runId);
  }

  endChain(runId: string): void {
    this.#places.ended(runId);
    this.#toolsAround.delete(runId);
  }

  /** The event at its true place: a graph that is called with its own `checkpoint_ns` is below the node that calls it. */
  placed(event: GraphEvent): GraphEvent {
    return this.#places.placed(event);
  }

  /** Was `error` thrown by a model call? */
  isModelError(error: unknown): boolean {
    return this.#modelErrors.has(error);
  }
}

function take<T>(map: Map<string, T>, key: string): T | undefined {
  const value = map.get(key);
  map.delete(key);
  return value;
}
