/**
 * The OpenTelemetry spans of a run: one for the run, and one for each model call and each tool call, by the conventions
 * for generative AI. They hold text of prompts, answers or tools only on request. Without a registered SDK no span is
 * made.
 */
import { BaseCallbackHandler } from "@langchain/core/callbacks/base";
import type { Serialized } from "@langchain/core/load/serializable";
import type { LLMResult } from "@langchain/core/outputs";
import { type Attributes, type Context, context, type Span, SpanKind, SpanStatusCode, trace } from "@opentelemetry/api";
import { modelEnd } from "./model-end.ts";
import { answerContent, argumentsContent, promptContent, resultContent } from "./span-content.ts";
import { leavesLoop } from "./thrown.ts";

const tracer = () => trace.getTracer("langgraph-sluice");

export interface TracedRun {
  readonly agent: string;
  readonly threadId: string;
  /** The client's own id of the thread, where that is not its key. */
  readonly threadName?: string | undefined;
  readonly runId: string;
}

export class RunSpans {
  readonly #span: Span;
  readonly #context: Context;
  /** Callbacks for the graph; empty without tracing. */
  readonly callbacks: readonly BaseCallbackHandler[];

  /** `content`: the spans of calls hold what was said. */
  constructor({ agent, threadId, threadName = threadId, runId }: TracedRun, content: boolean) {
    this.#span = tracer().startSpan(`invoke_agent ${agent}`, {
      attributes: {
        "gen_ai.operation.name": "invoke_agent",
        "gen_ai.agent.name": agent,
        "gen_ai.conversation.id": threadName,
        "sluice.run.id": runId,
      },
    });
    this.#context = trace.setSpan(context.active(), this.#span);
    this.callbacks = this.#span.isRecording() ? [new CallSpans(this.#context, content)] : [];
  }

  /** Does work as a part of the run, so that requests to other servers carry the trace context. */
  during<T>(work: () => T): T {
    return context.with(this.#context, work);
  }

  end(thrown?: { readonly error: unknown }): void {
    if (thrown) fail(this.#span, thrown.error);
    this.#span.end();
  }
}

/** Does the work of a run within its span. */
export async function inSpans<T>(run: TracedRun, content: boolean, work: (spans: RunSpans) => Promise<T>): Promise<T> {
  const spans = new RunSpans(run, content);
  try {
    const result = await spans.during(() => work(spans));
    spans.end();
    return result;
  } catch (error) {
    spans.end(leavesLoop(error) ? undefined : { error });
    throw error;
  }
}

/** The spans of one run's calls, by LangChain's run id. */
class CallSpans extends BaseCallbackHandler {
  override name = "sluice_call_spans";
  override awaitHandlers = true;
  readonly #run: Context;
  readonly #content: boolean;
  readonly #open = new Map<string, Span>();

  constructor(run: Context, content: boolean) {
    super();
    this.#run = run;
    this.#content = content;
  }

  override handleChatModelStart(
    _model: Serialized,
    messages: unknown,
    runId: string,
    _parentRunId?: string,
    _extra?: Record<string, unknown>,
    _tags?: string[],
    metadata: Record<string, unknown> = {},
  ): void {
    const { ls_model_name: model, ls_provider: provider } = metadata;
    this.#start(runId, `chat ${typeof model === "string" ? model : "model"}`, SpanKind.CLIENT, {
      "gen_ai.operation.name": "chat",
      ...(typeof model === "string" ? { "gen_ai.request.model": model } : {}),
      ...(typeof provider === "string" ? { "gen_ai.provider.name": provider } : {}),
      ...(this.#content ? promptContent(messages) : {}),
    });
  }

  override handleLLMEnd(output: LLMResult, runId: string): void {
    const { finishReason, usage } = modelEnd(output);
    const { input_tokens: input, output_tokens: given } = (usage ?? {}) as Record<string, unknown>;
    this.#end(runId, undefined, {
      ...(finishReason === undefined ? {} : { "gen_ai.response.finish_reasons": [finishReason] }),
      ...(typeof input === "number" ? { "gen_ai.usage.input_tokens": input } : {}),
      ...(typeof given === "number" ? { "gen_ai.usage.output_tokens": given } : {}),
      ...(this.#content ? answerContent(output) : {}),
    });
  }

  override handleLLMError(error: unknown, runId: string): void {
    this.#end(runId, { error });
  }

  override handleToolStart(
    _tool: Serialized,
    input: string,
    runId: string,
    _parentRunId?: string,
    _tags?: string[],
    _metadata?: Record<string, unknown>,
    name = "tool",
    toolCallId?: string,
  ): void {
    this.#start(runId, `execute_tool ${name}`, SpanKind.INTERNAL, {
      "gen_ai.operation.name": "execute_tool",
      "gen_ai.tool.name": name,
      ...(toolCallId === undefined ? {} : { "gen_ai.tool.call.id": toolCallId }),
      ...(this.#content ? argumentsContent(input) : {}),
    });
  }

  override handleToolEnd(output: unknown, runId: string): void {
    this.#end(runId, undefined, this.#content ? resultContent(output) : {});
  }

  /** A tool that interrupts or hands over throws to leave LangGraph's loop. That is no failure. */
  override handleToolError(error: unknown, runId: string): void {
    this.#end(runId, leavesLoop(error) ? undefined : { error });
  }

  #start(runId: string, name: string, kind: SpanKind, attributes: Attributes): void {
    this.#open.set(runId, tracer().startSpan(name, { kind, attributes }, this.#run));
  }

  #end(runId: string, thrown: { readonly error: unknown } | undefined, attributes: Attributes = {}): void {
    const span = this.#open.get(runId);
    this.#open.delete(runId);
    span?.setAttributes(attributes);
    if (span && thrown) fail(span, thrown.error);
    span?.end();
  }
}

/** Only the kind of the error: its message may hold what was said. */
function fail(span: Span, error: unknown): void {
  span.setAttribute("error.type", error instanceof Error ? error.name : "error");
  span.setStatus({ code: SpanStatusCode.ERROR });
}
