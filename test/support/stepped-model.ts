/** A chat model that a test controls step by step: it produces only the tokens that the test gives it, at that time. */
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { concat } from "@langchain/core/utils/stream";
import type { BaseCheckpointSaver } from "@langchain/langgraph";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { memory } from "./sluice.ts";

type Step =
  | { readonly kind: "chunk"; readonly fields: Partial<AIMessageChunk> & { content: string } }
  | { readonly kind: "end" }
  | { readonly kind: "fail"; readonly error: Error };

/**
 * Steps that are given before a call are kept for it. One call takes the steps up to `end` or `fail`. With `always`,
 * every call produces those tokens and ends by itself.
 */
export class SteppedModel extends BaseChatModel {
  /** The texts of every prompt so far. */
  readonly prompts: string[][] = [];
  readonly #always: readonly string[] | undefined;
  readonly #steps: Step[] = [];
  readonly #waiting = new Set<() => void>();
  #calls = 0;

  constructor({ always }: { always?: readonly string[] } = {}) {
    super({});
    this.#always = always;
  }

  /** Whether a call waits for its next step. */
  get waits(): boolean {
    return this.#waiting.size > 0;
  }

  /** Produces tokens, one chunk each. */
  say(...tokens: string[]): this {
    return this.#add(...tokens.map((content) => ({ kind: "chunk" as const, fields: { content } })));
  }

  /** Produces this chunk. */
  chunk(fields: Partial<AIMessageChunk> & { content: string }): this {
    return this.#add({ kind: "chunk", fields });
  }

  think(...tokens: string[]): this {
    const chunk = (reasoning_content: string): Step => ({
      kind: "chunk",
      fields: { content: "", additional_kwargs: { reasoning_content } },
    });
    return this.#add(...tokens.map(chunk));
  }

  /** Calls a tool, with its arguments in one piece. */
  call(name: string, args: object, id: string): this {
    const tool_call_chunks = [{ type: "tool_call_chunk" as const, index: 0, id, name, args: JSON.stringify(args) }];
    return this.#add({ kind: "chunk", fields: { content: "", tool_call_chunks } });
  }

  end(): this {
    return this.#add({ kind: "end" });
  }

  fail(error: Error): this {
    return this.#add({ kind: "fail", error });
  }

  override _llmType(): string {
    return "stepped";
  }

  override bindTools(): this {
    return this;
  }

  override async _generate(...[messages, options, runManager]: Parameters<this["_streamResponseChunks"]>) {
    let whole: ChatGenerationChunk | undefined;
    for await (const chunk of this._streamResponseChunks(messages, options, runManager)) {
      whole = whole ? concat(whole, chunk) : chunk;
    }
    return { generations: whole ? [whole] : [] } as ChatResult;
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    { signal }: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    this.#calls += 1;
    const id = `answer-${this.#calls}`;
    this.prompts.push(messages.map((message) => message.text));
    const own = this.#always && [...new SteppedModel().say(...this.#always).end().#steps];
    for (;;) {
      const step = own ? (own.shift() as Step) : await this.#next(signal);
      if (step.kind === "end") return;
      if (step.kind === "fail") throw step.error;
      const message = new AIMessageChunk({ id, ...step.fields } as ConstructorParameters<typeof AIMessageChunk>[0]);
      const chunk = new ChatGenerationChunk({ text: step.fields.content, message });
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
    }
  }

  #add(...steps: Step[]): this {
    this.#steps.push(...steps);
    for (const look of this.#waiting) look();
    return this;
  }

  #next(signal: AbortSignal | undefined): Promise<Step> {
    return new Promise((resolve, reject) => {
      const look = () => {
        const step = this.#steps.shift();
        if (!step) return;
        leave();
        resolve(step);
      };
      const stop = () => {
        leave();
        reject(signal?.reason);
      };
      const leave = () => {
        this.#waiting.delete(look);
        signal?.removeEventListener("abort", stop);
      };
      this.#waiting.add(look);
      signal?.addEventListener("abort", stop);
      if (signal?.aborted) stop();
      else look();
    });
  }
}

/** A graph of one node, `chat`, that answers with a model. */
export function chatGraph(model: BaseChatModel, checkpointer: BaseCheckpointSaver = memory()) {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addEdge(START, "chat")
    .addEdge("chat", END)
    .compile({ checkpointer });
}
