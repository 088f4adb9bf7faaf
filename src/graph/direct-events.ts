/**
 * Turns LangChain's callbacks into the events of `streamEvents` v2. The reference is `EventStreamCallbackHandler` of
 * `@langchain/core/tracers/event_stream`, on `BaseTracer`; its peculiarities are kept where clients can see them.
 */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import { AIMessageChunk } from "@langchain/core/messages";
import { GenerationChunk, type LLMResult } from "@langchain/core/outputs";
import type { GraphEvent, GraphEventName } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { messageOf as readable } from "../protocol/redact.ts";
import type { RunNotes } from "./run-notes.ts";

interface OpenRun {
  /** `chat_model`, `llm`, `chain`, `prompt`, `parser`, `tool`, `retriever`. */
  readonly type: string;
  readonly name: string;
  readonly run_id: string;
  readonly tags: readonly string[];
  readonly metadata: Readonly<Record<string, unknown>>;
  readonly inputs: unknown;
  /** Its output is being reported chunk by chunk. Its end is reported after the last chunk. */
  tapped?: boolean;
  /** The end that is reported after the last chunk. */
  end?: GraphEvent;
}

/** The graph's own run: v2 shows its input as it was given, and leaves it out of the end. */
interface Root {
  readonly runId: string;
  readonly input: unknown;
}

export class DirectEvents extends BaseCallbackHandler {
  /** LangChain's core shows the chunks of a runnable's output to handlers with this name. */
  override name = "event_stream_tracer";
  override awaitHandlers = true;
  /** Models stream although a node calls `invoke`. */
  readonly lc_prefer_streaming = true;
  readonly #notes: RunNotes;
  readonly #root: Root;
  readonly #send: (event: GraphEvent) => void;
  readonly #open = new Map<string, OpenRun>();
  /** Kept beside the others: its end may come before its last chunks have been read. */
  #rootRun: OpenRun | undefined;
  readonly #toolInputs = new Map<string, unknown>();
  /** The runs whose output is reported. */
  readonly #tapped = new Set<string>();

  /** `notes` gets every callback first, so that it has what an event lacks when the event is sent. */
  constructor(notes: RunNotes, root: Root, send: (event: GraphEvent) => void) {
    super();
    this.#notes = notes;
    this.#root = root;
    this.#send = send;
  }

  override handleChatModelStart(
    ...[model, messages, runId, parent, extra, tags, metadata, name]: Parameters<
      NonNullable<BaseCallbackHandler["handleChatModelStart"]>
    >
  ): void {
    this.#notes.handleChatModelStart(model, messages, runId, parent, extra, tags, metadata);
    this.#start({ type: "chat_model", runId, name, made: model, tags, metadata, inputs: { messages } });
  }

  override handleLLMStart(
    ...[model, prompts, runId, parent, extra, tags, metadata, name]: Parameters<
      NonNullable<BaseCallbackHandler["handleLLMStart"]>
    >
  ): void {
    this.#notes.handleLLMStart(model, prompts, runId, parent, extra, tags, metadata);
    this.#start({ type: "llm", runId, name, made: model, tags, metadata, inputs: { prompts } });
  }

  override handleLLMNewToken(
    ...[token, index, runId, parentRunId, tags, fields]: Parameters<
      NonNullable<BaseCallbackHandler["handleLLMNewToken"]>
    >
  ): void | Promise<void> {
    const turn = this.#notes.handleLLMNewToken(token, index, runId, parentRunId, tags, fields);
    const run = this.#open.get(runId);
    if (run?.type === "chat_model") {
      const chunk = fields?.chunk
        ? messageIn(fields.chunk)
        : new AIMessageChunk({ content: token, id: `run-${runId}` });
      this.#send(eventOf(run, "on_chat_model_stream", { chunk }));
    } else if (run?.type === "llm") {
      this.#send(eventOf(run, "on_llm_stream", { chunk: fields?.chunk ?? new GenerationChunk({ text: token }) }));
    }
    return turn;
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    this.#notes.handleLLMEnd(output, runId);
    this.#end(runId, (run) => ({ output: run.type === "llm" ? textOf(output) : messageOf(output), input: run.inputs }));
  }

  /** v2 has no event for it. */
  override handleLLMError(error: unknown, runId: string): void {
    this.#notes.handleLLMError(error, runId);
    this.#open.delete(runId);
  }

  override handleChainStart(
    ...[chain, given, runId, parent, tags, metadata, type = "chain", name]: Parameters<
      NonNullable<BaseCallbackHandler["handleChainStart"]>
    >
  ): void {
    this.#notes.handleChainStart(chain, given, runId, parent, tags, metadata);
    const root = runId === this.#root.runId && this.#rootRun === undefined;
    // A runnable that reads a stream does not know its input yet.
    const deferred = isRecord(given) && given.input === "" && Object.keys(given).length === 1;
    const inputs: unknown = isRecord(given) && given.input !== undefined ? given.input : given;
    const data = root ? { input: this.#root.input } : deferred ? {} : { input: inputs };
    const run = this.#start({ type, runId, name, made: chain, tags, metadata, inputs: given }, data);
    if (!root) return;
    this.#rootRun = run;
    run.tapped = true;
  }

  /** v2 has no event for it. */
  override handleChainError(error: unknown, runId: string): void {
    this.#notes.handleChainError(error, runId);
  }

  override handleChainEnd(
    given: unknown,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    more?: { readonly inputs?: Record<string, unknown> },
  ): void {
    const outputs = asRecord(given, "output");
    const output = outputs.output ?? outputs;
    this.#end(runId, (run) => {
      if (run === this.#rootRun) return { output };
      const inputs = more?.inputs === undefined ? (run.inputs ?? {}) : asRecord(more.inputs, "input");
      const alone = isRecord(inputs) && inputs.input && Object.keys(inputs).length === 1;
      return { output, input: alone ? inputs.input : inputs };
    });
  }

  override handleToolStart(
    ...[tool, input, runId, parent, tags, metadata, name, toolCallId]: Parameters<
      NonNullable<BaseCallbackHandler["handleToolStart"]>
    >
  ): void {
    this.#notes.handleToolStart(tool, input, runId, parent, tags, metadata, name, toolCallId);
    const given = this.#toolInputs.get(runId) ?? input;
    this.#toolInputs.delete(runId);
    const inputs = typeof given === "string" ? { input: given } : given;
    this.#start({ type: "tool", runId, name, made: tool, tags, metadata, inputs });
  }

  override handleToolEnd(output: unknown, runId: string): void {
    this.#end(runId, ({ inputs }) => ({ output: output === undefined ? { output } : output, input: inputs }));
  }

  override handleToolError(error: unknown, runId: string): void {
    this.#notes.handleToolError(error, runId);
    this.#end(runId, ({ inputs }) => ({ input: inputs, error: textOfError(error) }), "error");
  }

  override handleRetrieverStart(
    ...[retriever, query, runId, parent, tags, metadata, name]: Parameters<
      NonNullable<BaseCallbackHandler["handleRetrieverStart"]>
    >
  ): void {
    this.#notes.handleRetrieverStart(retriever, query, runId, parent, tags, metadata);
    this.#start({ type: "retriever", runId, name, made: retriever, tags, metadata, inputs: { query } });
  }

  override handleRetrieverEnd(documents: unknown, runId: string): void {
    this.#end(runId, ({ inputs }) => ({ output: documents ?? { documents }, input: inputs }));
  }

  override handleCustomEvent(name: string, data: unknown, runId: string): void {
    const run = this.#open.get(runId);
    if (run) this.#send({ ...eventOf(run, "on_custom_event", data), name });
  }

  /** Core passes a runnable's output through this method. Only the outermost output of a run is reported. */
  async *tapOutputIterable<T>(runId: string, output: AsyncIterator<T>): AsyncGenerator<T> {
    // The run begins as its first chunk is asked for.
    const first = await output.next();
    const run = runId === this.#root.runId ? this.#rootRun : this.#open.get(runId);
    const reports = run !== undefined && !this.#tapped.has(runId);
    if (reports) {
      this.#tapped.add(runId);
      run.tapped = true;
    }
    const event = run && (`on_${run.type}_stream` as GraphEventName);
    try {
      for (let step = first; !step.done; step = await output.next()) {
        if (reports && event) this.#send(eventOf(run, event, { chunk: step.value }));
        yield step.value;
      }
    } finally {
      if (reports) {
        run.tapped = false;
        if (run.end) this.#send(run.end);
      }
    }
  }

  // Core treats a handler with these methods as a tracer. Tracers get the input of a tool unchanged; other handlers get
  // it as text.
  _addRunToRunMap(): void {}
  _createRunForLLMStart(): void {}
  _createRunForChatModelStart(): void {}
  _createRunForChainStart(): void {}
  _createRunForRetrieverStart(): void {}
  _createRunForToolStart(_tool: unknown, input: unknown, runId: string): void {
    this.#toolInputs.set(runId, input);
  }

  #start(
    {
      type,
      runId,
      name,
      made,
      tags = [],
      metadata = {},
      inputs,
    }: {
      type: string;
      runId: string;
      name: string | undefined;
      made: Serialized;
      tags: string[] | undefined;
      metadata: Record<string, unknown> | undefined;
      inputs: unknown;
    },
    data: unknown = { input: inputs },
  ): OpenRun {
    const run: OpenRun = { type, name: name ?? made.id.at(-1) ?? "Unnamed", run_id: runId, tags, metadata, inputs };
    this.#open.set(runId, run);
    this.#send(eventOf(run, `on_${type}_start` as GraphEventName, data));
    return run;
  }

  #end(runId: string, dataOf: (run: OpenRun) => unknown, how: "end" | "error" = "end"): void {
    const run = this.#open.get(runId);
    if (!run) return;
    this.#open.delete(runId);
    const event = eventOf(run, `on_${run.type}_${how}` as GraphEventName, dataOf(run));
    if (run.tapped) run.end = event;
    else this.#send(event);
  }
}

function eventOf({ name, run_id, tags, metadata }: OpenRun, event: GraphEventName, data: unknown): GraphEvent {
  return { event, name, run_id, tags, metadata, data };
}

function asRecord(value: unknown, key: string): Record<string, unknown> {
  return value && !Array.isArray(value) && typeof value === "object"
    ? (value as Record<string, unknown>)
    : { [key]: value };
}

function messageIn(chunk: object): unknown {
  return "message" in chunk ? chunk.message : undefined;
}

function messageOf({ generations }: LLMResult): unknown {
  const first = generations
    ?.map(([generation]) => generation)
    .find((one) => isRecord(one) && one.message !== undefined);
  return isRecord(first) ? first.message : undefined;
}

function textOf({ generations, llmOutput = {} }: LLMResult): unknown {
  const texts = generations?.map((all) => all.map(({ text, generationInfo }) => ({ text, generationInfo })));
  return { generations: texts, llmOutput };
}

function textOfError(error: unknown): string {
  try {
    if (!(error instanceof Error)) return String(error);
    return error.message + (error.stack ? `\n\n${error.stack}` : "");
  } catch {
    return readable(error);
  }
}
