import { createHash } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import {
  BaseChatModel,
  type BaseChatModelCallOptions,
  type BaseChatModelParams,
  type BindToolsInput,
  type LangSmithParams,
} from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage, type UsageMetadata } from "@langchain/core/messages";
import type { ToolCallChunk } from "@langchain/core/messages/tool";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { convertToOpenAITool } from "@langchain/core/utils/function_calling";
import { concat } from "@langchain/core/utils/stream";
import type { BoundTools, Schema } from "./demo-calls.ts";
import { type Plan, planMessage } from "./demo-rules.ts";

/** How the demo model paces itself. */
export interface DemoChatModelOptions extends BaseChatModelParams {
  /** Milliseconds before the first token. Default: 150. 0: none. */
  firstTokenMs?: number;
  /** Tokens a second after that. Default: 40. 0 or Infinity: no delay. */
  tokensPerSecond?: number;
  /** How much each gap between tokens may differ from the mean, 0 to 1. Default: 0.3. */
  jitter?: number;
  /** Decides the jitter and the ids. Default: 1. */
  seed?: number;
  /** Waits. Should reject when the signal is aborted. Default: a timer. */
  sleep?: (ms: number, signal?: AbortSignal) => Promise<void>;
}

/** The call options, with the tools that `bindTools` bound. */
export interface DemoCallOptions extends BaseChatModelCallOptions {
  tools?: BindToolsInput[];
}

/** What "slow" in a message means. */
const SLOW = { firstTokenMs: 3000, tokensPerSecond: 4 };
/** How many tokens of text come before the error that a message asked for. */
const TOKENS_BEFORE_FAILURE = 4;

/** What one token adds to the message. */
type Delta = { kind: "reasoning" | "text"; text: string } | { kind: "call"; chunk: ToolCallChunk };

/**
 * A chat model that needs no key: it follows rules instead of a neural network, and streams tokens, reasoning and tool
 * calls the way hosted models do. It says the same things in the same conversation; ids differ from call to call.
 *
 * @throws "The demo model was asked to fail." after a few tokens, when the last human message has the word "error"
 */
export class DemoChatModel extends BaseChatModel<DemoCallOptions> {
  readonly #firstTokenMs: number;
  readonly #tokensPerSecond: number;
  readonly #jitter: number;
  readonly #seed: number;
  readonly #sleep: (ms: number, signal?: AbortSignal) => Promise<void>;
  /** Counts the calls, so that asking the same again makes a new message. */
  #calls = 0;

  constructor(options: DemoChatModelOptions = {}) {
    const { firstTokenMs = 150, tokensPerSecond = 40, jitter = 0.3, seed = 1, sleep = wait, ...rest } = options;
    super(rest);
    this.#firstTokenMs = firstTokenMs;
    this.#tokensPerSecond = tokensPerSecond === 0 ? Number.POSITIVE_INFINITY : tokensPerSecond;
    this.#jitter = jitter;
    this.#seed = seed;
    this.#sleep = sleep;
  }

  override _llmType(): string {
    return "sluice-demo";
  }

  override getLsParams(options: this["ParsedCallOptions"]): LangSmithParams {
    return { ...super.getLsParams(options), ls_provider: "sluice", ls_model_name: "demo" };
  }

  override bindTools(tools: BindToolsInput[], kwargs?: Partial<DemoCallOptions>) {
    return this.withConfig({ ...kwargs, tools: tools.map((tool) => convertToOpenAITool(tool)) });
  }

  override async _generate(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): Promise<ChatResult> {
    let whole: ChatGenerationChunk | undefined;
    for await (const chunk of this._streamResponseChunks(messages, options, runManager)) {
      whole = whole ? concat(whole, chunk) : chunk;
    }
    return { generations: whole ? [whole] : [] };
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    options: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const { signal } = options;
    const call = ++this.#calls;
    const key = `${digest(this.#seed, messages)}-${call}`;
    const id = `demo-${key}`;
    const plan = planMessage(messages, boundTools(options));
    const waits = this.#waits(plan.slow, this.#seed + call);
    const output = { reasoning: 0, text: 0, call: 0 };

    async function* emit(chunk: ChatGenerationChunk) {
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
    }

    for (const delta of deltas(plan, key)) {
      const ms = waits.next().value;
      if (ms > 0) await this.#sleep(ms, signal);
      signal?.throwIfAborted();
      output[delta.kind] += 1;
      yield* emit(chunkOf(delta, id));
    }
    if (plan.fail) throw new Error("The demo model was asked to fail.");
    yield* emit(lastChunk(plan, id, usageOf(messages, output)));
  }

  /** The milliseconds to wait before each token. */
  *#waits(slow: boolean, seed: number): Generator<number, never> {
    const rate = slow ? Math.min(SLOW.tokensPerSecond, this.#tokensPerSecond) : this.#tokensPerSecond;
    const random = randomNumbers(seed);
    yield slow ? Math.max(SLOW.firstTokenMs, this.#firstTokenMs) : this.#firstTokenMs;
    // A timer cannot wait for less than a millisecond, so at high rates several tokens share one wait.
    let due = 0;
    while (true) {
      due += (1000 / rate) * (1 + this.#jitter * (2 * random() - 1));
      const ms = due < 1 ? 0 : due;
      due -= ms;
      yield ms;
    }
  }
}

/** Reasoning, then text, then the calls one after the other, each cut into tokens. */
function* deltas({ reasoning, text, calls, fail }: Plan, key: string): Generator<Delta> {
  for (const word of words(reasoning)) yield { kind: "reasoning", text: word };
  for (const word of words(text).slice(0, fail ? TOKENS_BEFORE_FAILURE : undefined)) yield { kind: "text", text: word };
  for (const [index, { name, args }] of calls.entries()) {
    yield { kind: "call", chunk: { type: "tool_call_chunk", index, id: `call-${key}-${index}`, name, args: "" } };
    for (const piece of JSON.stringify(args).match(/.{1,6}/gsu) ?? []) {
      yield { kind: "call", chunk: { type: "tool_call_chunk", index, args: piece } };
    }
  }
}

/** Words, each with the space before it, and single characters of Chinese: put together again they are the text. */
function words(text: string): string[] {
  return text.match(/\s*(?:\p{Script=Han}|[^\s\p{Script=Han}]+)|\s+$/gu) ?? [];
}

function chunkOf(delta: Delta, id: string): ChatGenerationChunk {
  switch (delta.kind) {
    case "text":
      return new ChatGenerationChunk({ text: delta.text, message: new AIMessageChunk({ id, content: delta.text }) });
    case "reasoning":
      return new ChatGenerationChunk({
        text: "",
        message: new AIMessageChunk({ id, content: "", additional_kwargs: { reasoning_content: delta.text } }),
      });
    case "call":
      return new ChatGenerationChunk({
        text: "",
        message: new AIMessageChunk({ id, content: "", tool_call_chunks: [delta.chunk] }),
      });
  }
}

/** The empty chunk that says why the message ended and what it cost. */
function lastChunk(plan: Plan, id: string, usage_metadata: UsageMetadata): ChatGenerationChunk {
  const finish_reason = plan.calls.length > 0 ? "tool_calls" : "stop";
  return new ChatGenerationChunk({
    text: "",
    generationInfo: { finish_reason },
    message: new AIMessageChunk({
      id,
      content: "",
      usage_metadata,
      response_metadata: { finish_reason, model_name: "demo", model_provider: "sluice" },
    }),
  });
}

function usageOf(messages: readonly BaseMessage[], output: Record<Delta["kind"], number>): UsageMetadata {
  const input_tokens = messages.reduce((sum, message) => sum + words(message.text).length, 0);
  const output_tokens = output.reasoning + output.text + output.call;
  return {
    input_tokens,
    output_tokens,
    total_tokens: input_tokens + output_tokens,
    ...(output.reasoning > 0 && { output_token_details: { reasoning: output.reasoning } }),
  };
}

function boundTools({ tools = [], tool_choice }: DemoCallOptions): BoundTools {
  if (tool_choice === "none") return new Map();
  return new Map(
    tools.map((tool) => {
      const { name, parameters } = convertToOpenAITool(tool).function;
      return [name, parameters as Schema];
    }),
  );
}

function digest(seed: number, messages: readonly BaseMessage[]): string {
  const hash = createHash("sha256").update(String(seed));
  for (const { type, id, content } of messages) hash.update(JSON.stringify([type, id, content]));
  return hash.digest("hex").slice(0, 16);
}

/** Numbers from 0 to 1 that follow from the seed (the generator is known as mulberry32). */
function randomNumbers(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

async function wait(ms: number, signal?: AbortSignal): Promise<void> {
  await delay(ms, undefined, { signal });
}
