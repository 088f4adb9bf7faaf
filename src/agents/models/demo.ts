import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
  type BaseChatModelParams,
  type BindToolsInput,
} from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type AIMessageChunkFields, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { convertToOpenAITool } from "@langchain/core/utils/function_calling";
import { concat } from "@langchain/core/utils/stream";
import { type Plan, planMessage } from "./demo-rules.ts";
import type { BoundTools, Schema } from "./demo-tools.ts";

const PACE = {
  firstTokenMs: 150,
  /** 0: no delay. */
  tokensPerSecond: 40,
  /** The most that a gap between tokens may differ from the mean, 0 to 1. */
  jitter: 0.3,
  /** Waits. Should reject when the signal is aborted. */
  sleep: (ms: number, signal?: AbortSignal): Promise<unknown> => delay(ms, undefined, { signal }),
};
const SLOW = { firstTokenMs: 3000, tokensPerSecond: 4 };
const TOKENS_BEFORE_FAILURE = 4;

/** The demo model's pace: absent fields are as in `PACE`. */
export interface DemoChatModelOptions extends BaseChatModelParams, Partial<typeof PACE> {}

type CallOptions = BaseChatModelCallOptions & { tools?: BindToolsInput[] };

/**
 * A chat model that needs no key: it follows rules instead of a neural network, and streams tokens, reasoning and tool
 * calls as hosted models do. It answers the same conversation alike. It fails when a message has the word "error".
 */
export class DemoChatModel extends BaseChatModel<CallOptions> {
  readonly #pace: typeof PACE;

  constructor(options: DemoChatModelOptions = {}) {
    super(options);
    this.#pace = { ...PACE, ...options };
  }

  override _llmType(): string {
    return "sluice-demo";
  }

  override getLsParams(options: this["ParsedCallOptions"]) {
    return { ...super.getLsParams(options), ls_provider: "sluice", ls_model_name: "demo" };
  }

  override bindTools(tools: BindToolsInput[], kwargs?: Partial<CallOptions>) {
    return this.withConfig({ ...kwargs, tools: tools.map((tool) => convertToOpenAITool(tool)) });
  }

  override async _generate(...call: Parameters<DemoChatModel["_streamResponseChunks"]>): Promise<ChatResult> {
    let whole: ChatGenerationChunk | undefined;
    for await (const chunk of this._streamResponseChunks(...call)) whole = whole ? concat(whole, chunk) : chunk;
    return { generations: whole ? [whole] : [] };
  }

  override async *_streamResponseChunks(
    ...[messages, options, runManager]: Parameters<BaseChatModel<CallOptions>["_streamResponseChunks"]>
  ): AsyncGenerator<ChatGenerationChunk> {
    const id = `demo-${randomUUID()}`;
    const plan = planMessage(messages, boundTools(options));
    const waits = this.#waits(plan.slow);
    const said = [...deltas(plan, id)];
    const left = plan.fail ? said.slice(0, TOKENS_BEFORE_FAILURE) : [...said, end(messages, plan, said.length)];
    for (const delta of left) {
      const ms = waits.next().value;
      if (ms > 0) await this.#pace.sleep(ms, options.signal);
      options.signal?.throwIfAborted();
      const message = new AIMessageChunk({ id, content: "", ...delta });
      const chunk = new ChatGenerationChunk({ message, text: message.text, generationInfo: delta.response_metadata });
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
    }
    if (plan.fail) throw new Error("The demo model was asked to fail.");
  }

  /** The milliseconds to wait before each token. */
  *#waits(slow: boolean): Generator<number, never> {
    const { firstTokenMs, tokensPerSecond, jitter } = slow ? { ...this.#pace, ...SLOW } : this.#pace;
    yield firstTokenMs;
    const mean = tokensPerSecond === 0 ? 0 : 1000 / tokensPerSecond;
    // A timer cannot wait for less than a millisecond, so at high rates several tokens share one wait.
    for (let due = 0; ; due = due < 1 ? due : 0) {
      due += mean * (1 + jitter * (2 * Math.random() - 1));
      yield due < 1 ? 0 : due;
    }
  }
}

/** Reasoning, then text, then the calls one after the other, each cut into tokens. */
function* deltas({ reasoning, text, calls }: Plan, id: string): Generator<AIMessageChunkFields> {
  for (const word of words(reasoning)) yield { additional_kwargs: { reasoning_content: word } };
  for (const word of words(text)) yield { content: word };
  for (const [index, { name, args }] of calls.entries()) {
    yield { tool_call_chunks: [{ index, id: id.replace("demo", "call").concat(`-${index}`), name, args: "" }] };
    const pieces = JSON.stringify(args).match(/.{1,6}/gsu) ?? [];
    for (const args of pieces) yield { tool_call_chunks: [{ index, args }] };
  }
}

/** Splits text into words, each with its space before it, and single Chinese characters. Joined, they are the text. */
function words(text: string): string[] {
  return text.match(/\s*(?:\p{Script=Han}|[^\s\p{Script=Han}]+)|\s+$/gu) ?? [];
}

/** Why the message ended and what it cost. */
function end(messages: BaseMessage[], { calls, reasoning }: Plan, output_tokens: number): AIMessageChunkFields {
  const finish_reason = calls.length > 0 ? "tool_calls" : "stop";
  const input_tokens = messages.reduce((sum, message) => sum + words(message.text).length, 0);
  const thought = reasoning && { output_token_details: { reasoning: words(reasoning).length } };
  return {
    usage_metadata: { input_tokens, output_tokens, total_tokens: input_tokens + output_tokens, ...(thought || {}) },
    response_metadata: { finish_reason, model_name: "demo", model_provider: "sluice" },
  };
}

function boundTools({ tools = [], tool_choice }: CallOptions): BoundTools {
  const bound = tool_choice === "none" ? [] : tools.map((tool) => convertToOpenAITool(tool).function);
  return new Map(bound.map(({ name, parameters }) => [name, parameters as Schema]));
}
