/** What `streamEvents` v2 does not tell, noted by a callback handler that runs beside it. */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import type { LLMResult } from "@langchain/core/outputs";
import { isGraphInterrupt } from "@langchain/langgraph";
import { isRecord } from "../protocol/input.ts";
import { CutAnswers } from "./cut-answers.ts";

/** The most that models may work without a turn of the event loop. */
const MOST_WITHOUT_TURN_MS = 50;

/**
 * Notes by LangGraph run id. v2 leaves `tool_call_id` out of `on_tool_start`, loses the finish reason when a node
 * calls `invoke`, has no event for a failed model, and gives a failed tool's error with its stack in one string.
 *
 * It is awaited, so a note is there before the event it belongs to is read; it must neither throw nor block, but for the
 * turn of the event loop that it gives to others.
 */
export class RunNotes extends BaseCallbackHandler {
  override name = "sluice_run_notes";
  override awaitHandlers = true;
  readonly #toolCallIds = new Map<string, string>();
  readonly #finishReasons = new Map<string, string>();
  readonly #toolErrors = new Map<string, unknown>();
  readonly #interruptedCalls = new Map<string, string>();
  readonly #modelErrors = new Set<unknown>();
  readonly #cut = new CutAnswers();
  readonly #onCut: () => void;
  #turnedAt = performance.now();
  #failedModels: string[] = [];
  /** Hears of every model call that fails; what the call said may not have been read yet. */
  modelFailed: () => void = () => {};

  /** `onCut` is called before the node that asked gets the answer. */
  constructor(onCut: () => void = () => {}) {
    super();
    this.#onCut = onCut;
  }

  /** Was an answer of a model cut off? */
  get cutAnswer(): boolean {
    return this.#cut.any;
  }

  override handleChatModelStart(
    _model: Serialized,
    _messages: unknown,
    runId: string,
    _parentRunId?: string,
    _extra?: Record<string, unknown>,
    _tags?: string[],
    metadata?: Record<string, unknown>,
  ): void {
    this.#cut.started(runId, metadata);
  }

  /** A model that waits for nothing outside the process would keep timers and sockets waiting, its deadlines included. */
  override handleLLMNewToken(_token: string, _index: unknown, runId: string): void | Promise<void> {
    this.#cut.streamed(runId);
    if (performance.now() - this.#turnedAt < MOST_WITHOUT_TURN_MS) return undefined;
    return new Promise((resolve) => {
      setImmediate(() => {
        this.#turnedAt = performance.now();
        resolve();
      });
    });
  }

  override handleToolStart(
    _tool: Serialized,
    _input: string,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    _metadata?: Record<string, unknown>,
    _runName?: string,
    toolCallId?: string,
  ): void {
    if (toolCallId) this.#toolCallIds.set(runId, toolCallId);
  }

  override handleToolError(error: unknown, runId: string): void {
    this.#toolErrors.set(runId, error);
    const toolCallId = this.#toolCallIds.get(runId);
    if (toolCallId === undefined || !isGraphInterrupt(error)) return;
    for (const { id } of error.interrupts) if (id !== undefined) this.#interruptedCalls.set(id, toolCallId);
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    const reason = finishReason(output);
    if (reason) this.#finishReasons.set(runId, reason);
    if (this.#cut.ended(runId, output)) this.#onCut();
  }

  override handleLLMError(error: unknown, runId: string): void {
    this.#cut.failed(runId);
    this.#modelErrors.add(error);
    this.#failedModels.push(runId);
    this.modelFailed();
  }

  /** The model calls that failed. Reading takes them out. */
  takeFailedModels(): readonly string[] {
    const failed = this.#failedModels;
    if (failed.length > 0) this.#failedModels = [];
    return failed;
  }

  /** The model's id for a tool's run, while that run is open. */
  toolCallId(runId: string): string | undefined {
    return this.#toolCallIds.get(runId);
  }

  /** The tool call that an interrupt came from, if a tool made it. */
  interruptedCall(interruptId: string): string | undefined {
    return this.#interruptedCalls.get(interruptId);
  }

  /** The finish reason of a model's run. Reading takes it out. */
  takeFinishReason(runId: string): string | undefined {
    return take(this.#finishReasons, runId);
  }

  /** What a tool threw. Reading takes it out, and the tool's run with it. */
  takeToolError(runId: string): unknown {
    return take(this.#toolErrors, runId);
  }

  endTool(runId: string): void {
    this.#toolCallIds.delete(runId);
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

function finishReason(output: LLMResult): string | undefined {
  const generation = output.generations[0]?.[0] as
    | { generationInfo?: unknown; message?: { response_metadata?: unknown; additional_kwargs?: unknown } }
    | undefined;
  const { generationInfo, message } = generation ?? {};
  // ChatAnthropic's chunks have it in additional_kwargs.
  for (const where of [generationInfo, message?.response_metadata, message?.additional_kwargs]) {
    const reason = isRecord(where) ? reasonIn(where) : undefined;
    if (reason !== undefined) return reason;
  }
  return undefined;
}

/** OpenAI, Mistral and Groq say finish_reason, Anthropic stop_reason, Google finishReason, Ollama done_reason. */
const REASONS = ["finish_reason", "stop_reason", "finishReason", "done_reason", "stopReason"];

function reasonIn(where: Record<string, unknown>): string | undefined {
  const { messageStop: bedrock, incomplete_details: cut, status } = where;
  const found = [
    ...REASONS.map((key) => where[key]),
    isRecord(bedrock) ? bedrock.stopReason : undefined,
    // OpenAI's Responses API has a status instead, and the reason beside it where the answer was cut.
    isRecord(cut) ? cut.reason : undefined,
    status,
  ];
  return found.find((reason): reason is string => typeof reason === "string" && reason !== "");
}
