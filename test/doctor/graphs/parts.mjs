// Shared by the graphs here: the model at MODEL_URL, and a graph of one node.
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk } from "@langchain/core/messages";
import { ChatGenerationChunk } from "@langchain/core/outputs";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ChatOpenAI } from "@langchain/openai";

export function openai(options = {}) {
  const configuration = { baseURL: process.env.MODEL_URL };
  return new ChatOpenAI({ model: "mock", apiKey: "sk-none", maxRetries: 0, configuration, ...options });
}

export function oneNode(node, name = "chat") {
  return new StateGraph(MessagesAnnotation).addNode(name, node).addEdge(START, name).addEdge(name, END).compile();
}

/** A chat model whose chunks are what `say(messages)` yields. */
export class Custom extends BaseChatModel {
  constructor(say, { reports = true } = {}) {
    super({});
    this.say = say;
    this.reports = reports;
  }

  _llmType() {
    return "custom";
  }

  async _generate(messages, options, runManager) {
    let text = "";
    for await (const chunk of this._streamResponseChunks(messages, options, runManager)) text += chunk.text;
    const message = new AIMessageChunk(text);
    return { generations: [{ text, message }] };
  }

  async *_streamResponseChunks(messages, _options, runManager) {
    for await (const text of this.say(messages)) {
      const chunk = new ChatGenerationChunk({ text, message: new AIMessageChunk(text) });
      yield chunk;
      if (this.reports)
        await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

/** A chat model that answers in the arguments of a tool, piece by piece. */
export class Tooled extends Custom {
  constructor() {
    super(() => []);
  }

  async *_streamResponseChunks(_messages, _options, runManager) {
    const args = JSON.stringify({
      answer: "Rain falls on the hills and gathers in the first small stream, and so on.",
    });
    for (const [index, piece] of words(args).entries()) {
      await pause(5);
      const tool = {
        index: 0,
        args: piece,
        type: "tool_call_chunk",
        ...(index === 0 && { id: "one", name: "answer" }),
      };
      const chunk = new ChatGenerationChunk({
        text: "",
        message: new AIMessageChunk({ content: "", tool_call_chunks: [tool] }),
      });
      yield chunk;
      await runManager?.handleLLMNewToken("", undefined, undefined, undefined, undefined, { chunk });
    }
  }

  async _generate(messages, options, runManager) {
    let message = new AIMessageChunk("");
    for await (const chunk of this._streamResponseChunks(messages, options, runManager))
      message = message.concat(chunk.message);
    return { generations: [{ text: "", message }] };
  }
}

/** Requests the model's whole answer without LangChain. */
export async function askWhole(messages) {
  const body = JSON.stringify({
    model: "mock",
    messages: messages.map(({ text }) => ({ role: "user", content: text })),
  });
  const headers = { "content-type": "application/json" };
  const response = await fetch(`${process.env.MODEL_URL}/chat/completions`, { method: "POST", headers, body });
  return (await response.json()).choices[0].message.content;
}

export const words = (text) => text.split(/(?<= )/);
export const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
