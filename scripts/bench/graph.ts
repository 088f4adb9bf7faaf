/** The measured graph, which the server and the floor share: one node that calls one model. */
import { setTimeout as delay, setImmediate as endOfTurn } from "node:timers/promises";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { Annotation, type BaseCheckpointSaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";

/** The task of the model. It is the text of the user's message, so one graph serves every scenario. */
export interface Workload {
  readonly tokens: number;
  /** The time between tokens, in milliseconds. 0: without a timer. */
  readonly everyMs: number;
  /**
   * Without a timer: the number of tokens per turn of the event loop. A model that never let the loop turn would block
   * every socket. A real model yields the tokens of one read from its socket.
   */
  readonly burst: number;
  /** Every token has a time stamp and this length. Absent: it has no time stamp and TOKEN_LENGTH characters. */
  readonly stampedLength?: number;
  /** The time before the first token, in milliseconds. */
  readonly pauseMs?: number;
  /** The number of characters that are added to the graph's state, besides the messages. */
  readonly ballast?: number;
}

/** The answer to a workload, to be compared with what arrived. Each token has TOKEN_LENGTH characters. */
export function answerTo({ tokens }: Workload): string {
  return Array.from({ length: tokens }, (_, index) => token(index)).join("");
}

export const TOKEN_LENGTH = 5;

function token(index: number): string {
  return ` ${String(index % 10_000).padStart(TOKEN_LENGTH - 1, "0")}`;
}

const STAMP_LENGTH = 24;

/** A token of `length` characters with its number and the time. */
function stampedToken(index: number, length: number): string {
  return `${index} ${now().toFixed(3)} `.padStart(STAMP_LENGTH).padEnd(length, String(index % 10));
}

/** Reads a stamped token. Returns `undefined` if it is not complete. */
export function readStamped(text: string): { readonly index: number; readonly madeAt: number } | undefined {
  const [index = Number.NaN, madeAt = Number.NaN] = text.slice(0, STAMP_LENGTH).trim().split(" ").map(Number);
  const filler = String(index % 10).repeat(text.length - STAMP_LENGTH);
  return text.endsWith(filler) && Number.isFinite(madeAt) ? { index, madeAt } : undefined;
}

/** Returns the time in milliseconds, from a clock that all processes share and that is finer than `Date.now()`. */
export function now(): number {
  return performance.timeOrigin + performance.now();
}

class BenchModel extends BaseChatModel {
  #calls = 0;

  override _llmType(): string {
    return "bench";
  }

  override async _generate(): Promise<ChatResult> {
    throw new Error("The bench model only streams.");
  }

  override async *_streamResponseChunks(
    messages: BaseMessage[],
    { signal }: this["ParsedCallOptions"],
    runManager?: CallbackManagerForLLMRun,
  ): AsyncGenerator<ChatGenerationChunk> {
    const { tokens, everyMs, burst, stampedLength, pauseMs } = JSON.parse(messages.at(-1)?.text ?? "") as Workload;
    this.#calls += 1;
    const id = `bench-${this.#calls}`;
    if (pauseMs !== undefined) await delay(pauseMs);
    const began = performance.now();
    for (let index = 0; index < tokens; index += 1) {
      // Each token has a fixed time, so that one late timer does not delay all later tokens.
      if (everyMs > 0) await delay(Math.max(began + index * everyMs - performance.now(), 0));
      else if (index % burst === 0) await endOfTurn();
      signal?.throwIfAborted();
      const text = stampedLength === undefined ? token(index) : stampedToken(index, stampedLength);
      const chunk = new ChatGenerationChunk({ text, message: new AIMessageChunk({ id, content: text }) });
      yield chunk;
      await runManager?.handleLLMNewToken(text, undefined, undefined, undefined, undefined, { chunk });
    }
  }
}

const State = Annotation.Root({ ...MessagesAnnotation.spec, ballast: Annotation<string> });

/** Makes the graph. With a checkpointer it keeps its threads. */
export function benchGraph(checkpointer?: BaseCheckpointSaver) {
  const model = new BenchModel({});
  return new StateGraph(State)
    .addNode("model", async ({ messages }) => {
      const { ballast } = JSON.parse(messages.at(-1)?.text ?? "") as Workload;
      const answer = await model.invoke(messages);
      return { messages: [answer], ...(ballast ? { ballast: "x".repeat(ballast) } : {}) };
    })
    .addEdge("__start__", "model")
    .addEdge("model", "__end__")
    .compile(checkpointer ? { checkpointer } : {});
}
