/**
 * Turns the text of a run into attributes of its spans, by OpenTelemetry's conventions for generative AI. They are off
 * by default.
 */
import type { BaseMessage } from "@langchain/core/messages";
import type { LLMResult } from "@langchain/core/outputs";
import type { Attributes } from "@opentelemetry/api";
import { toJson } from "../protocol/json.ts";

type Part =
  | { readonly type: "text"; readonly content: string }
  | { readonly type: "tool_call"; readonly id: string | undefined; readonly name: string; readonly arguments: unknown }
  | { readonly type: "tool_call_response"; readonly id: string; readonly response: unknown };

const ROLES: Readonly<Record<string, string>> = { human: "user", ai: "assistant", developer: "system" };

/** The messages that a model was sent. */
export function promptContent(messages: unknown): Attributes {
  const [batch] = messages as BaseMessage[][];
  return { "gen_ai.input.messages": toJson((batch ?? []).map(messageOf)) };
}

/** The answers of a model. */
export function answerContent({ generations }: LLMResult): Attributes {
  const messages = generations.flat().flatMap((generation) => ("message" in generation ? [generation.message] : []));
  return { "gen_ai.output.messages": toJson((messages as BaseMessage[]).map(messageOf)) };
}

export function argumentsContent(input: string): Attributes {
  return { "gen_ai.tool.call.arguments": input };
}

export function resultContent(output: unknown): Attributes {
  const content = typeof output === "object" && output !== null && "content" in output ? output.content : output;
  return { "gen_ai.tool.call.result": typeof content === "string" ? content : toJson(content) };
}

function messageOf(message: BaseMessage): { readonly role: string; readonly parts: readonly Part[] } {
  const type = message.getType();
  return { role: ROLES[type] ?? type, parts: partsOf(message) };
}

function partsOf(message: BaseMessage): Part[] {
  const { tool_call_id: answered, tool_calls: calls = [] } = message as BaseMessage & {
    readonly tool_call_id?: string;
    readonly tool_calls?: readonly { readonly id?: string; readonly name: string; readonly args: unknown }[];
  };
  if (answered !== undefined) return [{ type: "tool_call_response", id: answered, response: message.content }];
  return [
    ...(message.text ? [{ type: "text" as const, content: message.text }] : []),
    ...calls.map(({ id, name, args }) => ({ type: "tool_call" as const, id, name, arguments: args })),
  ];
}
