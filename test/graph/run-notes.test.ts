import { AIMessage } from "@langchain/core/messages";
import { expect, it } from "vitest";
import { RunNotes } from "../../src/graph/run-notes.ts";

interface Ended {
  generationInfo?: Record<string, unknown>;
  response_metadata?: Record<string, unknown>;
  additional_kwargs?: Record<string, unknown>;
}

it.each<[string, Ended, string | undefined]>([
  ["OpenAI", { generationInfo: { finish_reason: "stop" } }, "stop"],
  ["Mistral and Groq", { response_metadata: { finish_reason: "tool_calls" } }, "tool_calls"],
  ["Anthropic, whole", { response_metadata: { stop_reason: "end_turn" } }, "end_turn"],
  ["Anthropic, streamed", { additional_kwargs: { stop_reason: "tool_use", stop_sequence: null } }, "tool_use"],
  ["Google, whole", { response_metadata: { finishReason: "MAX_TOKENS" } }, "MAX_TOKENS"],
  ["Google, streamed", { generationInfo: { finishReason: "STOP" } }, "STOP"],
  ["Ollama", { response_metadata: { done: true, done_reason: "length" } }, "length"],
  ["Bedrock, whole", { response_metadata: { stopReason: "end_turn" } }, "end_turn"],
  ["Bedrock, streamed", { response_metadata: { messageStop: { stopReason: "max_tokens" } } }, "max_tokens"],
  ["Responses", { response_metadata: { status: "completed", incomplete_details: null } }, "completed"],
  [
    "Responses, cut",
    { response_metadata: { status: "incomplete", incomplete_details: { reason: "max_output_tokens" } } },
    "max_output_tokens",
  ],
  [
    "an empty reason before the real one",
    { generationInfo: { finish_reason: "" }, response_metadata: { stop_reason: "end_turn" } },
    "end_turn",
  ],
  ["none", { generationInfo: { prompt: 0 }, response_metadata: { finish_reason: null } }, undefined],
])("why a model stopped, in the words of %s: %j is %j", (_, { generationInfo, ...fields }, reason) => {
  const notes = new RunNotes();
  const message = new AIMessage({ content: "", ...fields });
  notes.handleLLMEnd(
    { generations: [[{ text: "", message, ...(generationInfo ? { generationInfo } : {}) } as never]] },
    "r",
  );
  expect(notes.takeFinishReason("r")).toBe(reason);
  expect(notes.takeFinishReason("r")).toBeUndefined();
});
