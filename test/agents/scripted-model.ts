import { BaseChatModel, type BindToolsInput } from "@langchain/core/language_models/chat_models";
import { AIMessage, type BaseMessage } from "@langchain/core/messages";
import type { ChatResult } from "@langchain/core/outputs";
import { convertToOpenAITool } from "@langchain/core/utils/function_calling";

/** A model that returns the given messages one after the other, and records its prompts. */
export class ScriptedModel extends BaseChatModel {
  readonly asked: { messages: BaseMessage[]; tools: string[] }[] = [];
  readonly #answers: AIMessage[];
  #tools: string[] = [];

  constructor(...answers: (string | { name: string; args?: Record<string, unknown>; id: string }[])[]) {
    super({});
    this.#answers = answers.map((answer) =>
      typeof answer === "string"
        ? new AIMessage(answer)
        : new AIMessage({ content: "", tool_calls: answer.map(({ args = {}, ...call }) => ({ ...call, args })) }),
    );
  }

  override _llmType(): string {
    return "scripted";
  }

  override bindTools(tools: BindToolsInput[]) {
    this.#tools = tools.map((tool) => convertToOpenAITool(tool).function.name);
    return this;
  }

  override async _generate(messages: BaseMessage[]): Promise<ChatResult> {
    this.asked.push({ messages, tools: this.#tools });
    const message = this.#answers.shift();
    if (!message) throw new Error("The script has ended.");
    return { generations: [{ text: message.text, message }] };
  }
}
