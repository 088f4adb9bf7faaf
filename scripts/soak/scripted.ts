/** A chat model that streams the chunks of a function. */
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";

/** `prompt` is the last message. */
export type Pieces = (prompt: string) => AsyncGenerator<Partial<AIMessageChunk> & { content: string }>;

export class Scripted extends BaseChatModel {
  readonly #pieces: Pieces;

  constructor(pieces: Pieces) {
    super({});
    this.#pieces = pieces;
  }

  override _llmType(): string {
    return "scripted";
  }

  override async _generate(): Promise<ChatResult> {
    throw new Error("This model only streams.");
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    { signal }: this["ParsedCallOptions"],
    manager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    for await (const fields of this.#pieces(String(messages.at(-1)?.content))) {
      signal?.throwIfAborted();
      const chunk = new ChatGenerationChunk({ text: fields.content, message: new AIMessageChunk(fields) });
      yield chunk;
      await manager?.handleLLMNewToken(fields.content, undefined, undefined, undefined, undefined, { chunk });
    }
  }
}
