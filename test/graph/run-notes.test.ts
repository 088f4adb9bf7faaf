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
  ["Responses, when the stream just ended", { response_metadata: { status: "in_progress" } }, undefined],
  ["none", { generationInfo: { prompt: 0 }, response_metadata: { finish_reason: null } }, undefined],
])("why a model stopped, in the words of %s: %j is %j", (_, { generationInfo, ...fields }, reason) => {
  const notes = new RunNotes();
  const message = new AIMessage({ content: "", ...fields });
  notes.handleLLMEnd(
    { generations: [[{ text: "", message, ...(generationInfo ? { generationInfo } : {}) } as never]] },
    "r",
  );
  expect(notes.takeModelEnd("r")?.finishReason).toBe(reason);
  expect(notes.takeModelEnd("r")).toBeUndefined();
});

it.each<[string, object, object | undefined, number | undefined]>([
  [
    "LangChain's usage_metadata",
    { usage_metadata: { input_tokens: 1, output_tokens: 7, total_tokens: 8 } },
    undefined,
    7,
  ],
  [
    "Groq, streamed",
    { response_metadata: { usage: { input_tokens: 1, output_tokens: 7, total_tokens: 8 } } },
    undefined,
    7,
  ],
  [
    "an OpenAI-like endpoint",
    { response_metadata: { usage: { prompt_tokens: 1, completion_tokens: 7 } } },
    undefined,
    7,
  ],
  ["Mistral, whole", { response_metadata: { tokenUsage: { promptTokens: 1, completionTokens: 7 } } }, undefined, 7],
  ["a completion model", {}, { tokenUsage: { promptTokens: 1, completionTokens: 7, totalTokens: 8 } }, 7],
  ["none", { response_metadata: { usage: null } }, { estimated: 3 }, undefined],
])("what a model's call used, as %s has it", (_, fields, llmOutput, output_tokens) => {
  const notes = new RunNotes();
  const message = new AIMessage({ content: "", ...fields });
  notes.handleLLMEnd({ generations: [[{ text: "", message } as never]], ...(llmOutput ? { llmOutput } : {}) }, "r");
  const usage = output_tokens && { input_tokens: 1, output_tokens, total_tokens: 8 };
  expect(notes.takeModelEnd("r")?.usage).toEqual(usage);
});
