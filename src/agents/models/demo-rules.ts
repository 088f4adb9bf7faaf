import { AIMessage, type BaseMessage, HumanMessage, ToolMessage } from "@langchain/core/messages";
import { answerFrom, introduction, reasoningFor, type ToolResult } from "./demo-answers.ts";
import type { BoundTools, PlannedCall } from "./demo-calls.ts";
import { portfolioAdvice, portfolioForm } from "./demo-portfolio.ts";
import { requestsOf } from "./demo-requests.ts";
import { researchAnswer } from "./demo-research.ts";

/** What the demo model is going to say in one message. */
export interface Plan {
  /** Comes before everything else. Empty: none. */
  readonly reasoning: string;
  /** Empty if the message only calls tools. */
  readonly text: string;
  /** Made in parallel. */
  readonly calls: readonly PlannedCall[];
  /** Break off with an error after a few tokens of `text`. */
  readonly fail: boolean;
  /** Start late and stay slow. */
  readonly slow: boolean;
}

/** A message of text and nothing else. */
function say(text: string): Plan {
  return { reasoning: "", text, calls: [], fail: false, slow: false };
}

/**
 * Decides the next message from the conversation alone.
 *
 * A turn starts at the last human message. It has at most two stages of tool calls, and then the answer: first the
 * person is asked, on its own, since an interrupt makes the tools beside it run twice; then comes the rest, in parallel.
 *
 * @param messages - the conversation so far
 * @param tools - the bound tools
 */
export function planMessage(messages: readonly BaseMessage[], tools: BoundTools): Plan {
  const form = portfolioForm(messages, tools);
  if (form) return { ...say(""), calls: [form] };
  const answer = researchAnswer(messages) ?? portfolioAdvice(messages);
  if (answer !== undefined) return say(answer);

  const start = messages.findLastIndex((message) => HumanMessage.isInstance(message));
  const turn = messages.slice(start + 1);
  const { calls, shows } = requestsOf(messages[start]?.text ?? "", tools);

  const ask = shows.has("interrupt") && tools.has("ask_human");
  const anyTool = shows.has("tool") && calls.length === 0 && !ask && tools.has("calculator");
  const stages: PlannedCall[][] = [
    ask ? [{ name: "ask_human", args: { question: "The message asked for an interrupt. How shall I go on?" } }] : [],
    anyTool ? [{ name: "calculator", args: { expression: "6 * 7" } }] : [...calls],
  ].filter((stage) => stage.length > 0);

  const done = turn.filter((message) => AIMessage.isInstance(message) && message.tool_calls?.length).length;
  const next = stages[done];
  const results = resultsOf(turn);
  const missing = [
    ...(shows.has("interrupt") && !ask ? ["an interrupt"] : []),
    ...(shows.has("tool") && stages.length === 0 ? ["a tool"] : []),
  ];
  return {
    reasoning: shows.has("think") && done === 0 ? reasoningFor(stages) : "",
    text: next ? "" : results.length > 0 ? answerFrom(results) : introduction(tools, missing),
    calls: next ?? [],
    fail: shows.has("error") && !next,
    slow: shows.has("slow"),
  };
}

/** The tools' results since the last human message, in their order, with the calls they belong to. */
function resultsOf(turn: readonly BaseMessage[]): ToolResult[] {
  const calls = turn.flatMap((message) => (AIMessage.isInstance(message) ? (message.tool_calls ?? []) : []));
  return turn
    .filter((message) => ToolMessage.isInstance(message))
    .map((message) => {
      const call = calls.find(({ id }) => id === message.tool_call_id);
      return {
        call: { name: call?.name ?? message.name ?? "tool", args: call?.args ?? {} },
        content: message.text,
        failed: message.status === "error",
      };
    });
}
