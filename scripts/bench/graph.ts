/** The graph that is measured, the same for the server and for the floor: one node that calls one model. */
import { setTimeout as delay, setImmediate as endOfTurn } from "node:timers/promises";
import type { CallbackManagerForLLMRun } from "@langchain/core/callbacks/manager";
import { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { AIMessageChunk, type BaseMessage } from "@langchain/core/messages";
import { ChatGenerationChunk, type ChatResult } from "@langchain/core/outputs";
import { Annotation, type BaseCheckpointSaver, MessagesAnnotation, StateGraph } from "@langchain/langgraph";

/** The task of the model. It travels as the text of the user's message, so one graph serves every scenario. */
export interface Workload {
  readonly tokens: number;
  /** Milliseconds from token to token. 0: no timer at all. */
  readonly everyMs: number;
  /**
   * Without a timer: how many tokens come before the event loop may turn. A model that never let it turn would starve
   * every socket; a real one hands over what one read of its own socket brought.
   */
  readonly burst: number;
  /** Every token says when it was made, and is as long as this. Absent: it has TOKEN_LENGTH characters. */
  readonly stampedLength?: number;
  /** Milliseconds before the first token. */
  readonly pauseMs?: number;
  /** Characters that the graph's state holds beside the messages from then on. */
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

/** The content of a stamped token; `undefined` when it is not whole. */
export function readStamped(text: string): { readonly index: number; readonly madeAt: number } | undefined {
  const [index = Number.NaN, madeAt = Number.NaN] = text.slice(0, STAMP_LENGTH).trim().split(" ").map(Number);
  const filler = String(index % 10).repeat(text.length - STAMP_LENGTH);
  return text.endsWith(filler) && Number.isFinite(madeAt) ? { index, madeAt } : undefined;
}

/** Milliseconds, by a clock that all processes share and that is finer than `Date.now()`. */
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
      // By the clock, not from the last token on: what one timer was late must not delay all that follow.
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

/** With a checkpointer it keeps its threads. */
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
