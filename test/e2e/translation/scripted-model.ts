/** A chat model whose answer is a function of its prompt, in the chunks that a test sets. */
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel, type BaseChatModelCallOptions } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { concat } from "@langchain/core/utils/stream";

/** A chunk: a piece of text, or any of an AI message's fields. */
export type Piece = string | (Partial<Omit<AIMessageChunk, "content">> & { content?: unknown });

/** The model's answer, piece by piece. A promise among the pieces is waited for. */
export type Answer = readonly (Piece | Promise<unknown>)[];

/** The model's answer to a prompt. `tools` are those it was bound to. */
export type Script = (prompt: BaseMessage[], tools: readonly unknown[]) => Answer | Promise<Answer>;

interface CallOptions extends BaseChatModelCallOptions {
  tools?: readonly unknown[];
}

export class ScriptedModel extends BaseChatModel<CallOptions> {
  readonly #script: Script;
  readonly #name: string;
  #calls = 0;

  /** Its messages have the ids `<name>-1`, `<name>-2` and so on. */
  constructor(script: Script | Answer, name = "answer") {
    super({});
    this.#name = name;
    this.#script = typeof script === "function" ? script : () => script;
  }

  override _llmType(): string {
    return "scripted";
  }

  override bindTools(tools: readonly unknown[]) {
    return this.withConfig({ tools });
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
    { tools = [] }: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    this.#calls += 1;
    const id = `${this.#name}-${this.#calls}`;
    for (const piece of await this.#script(messages, tools)) {
      if (piece instanceof Promise) {
        await piece;
        continue;
      }
      const fields = typeof piece === "string" ? { content: piece } : { content: "", ...piece };
      const message = new AIMessageChunk({ id, ...fields } as ConstructorParameters<typeof AIMessageChunk>[0]);
      const chunk = new ChatGenerationChunk({ text: message.text, message });
      yield chunk;
      await runManager?.handleLLMNewToken(chunk.text, undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

/** A chunk that asks for tools, each call whole. */
export function calls(...asked: [name: string, args: object, id: string][]): Piece {
  const tool_call_chunks = asked.map(([name, args, id], index) => ({
    type: "tool_call_chunk" as const,
    ...{ index, id, name, args: JSON.stringify(args) },
  }));
  return { tool_call_chunks };
}

/** Repeats the last message word by word. */
export const echo: Script = (prompt) => (prompt.at(-1)?.text ?? "").split(/(?<= )/);

/** A promise, and what resolves it. */
export function gate(): { readonly passed: Promise<void>; open(): void } {
  let open = () => {};
  const passed = new Promise<void>((resolve) => {
    open = resolve;
  });
  return { passed, open };
}
