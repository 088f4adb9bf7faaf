/** The rules that the demo model follows in place of a neural network: one row of a table for each. */
import { AIMessage, type BaseMessage, HumanMessage, type ToolCall, ToolMessage } from "@langchain/core/messages";
import { researchAnswer } from "./demo-passages.ts";
import { portfolioAdvice, portfolioForm } from "./demo-portfolio.ts";
import { argumentsFor, type BoundTools, mentions } from "./demo-tools.ts";

type Call = Pick<ToolCall, "name" | "args">;

/** The demo model's plan for one message: thoughts, then text, then calls in parallel. */
export interface Plan {
  readonly reasoning: string;
  readonly text: string;
  readonly calls: readonly Call[];
  /** Break off with an error after a few tokens of `text`. */
  readonly fail: boolean;
  readonly slow: boolean;
}

/** The words that make the demo model show a feature. In a question about Sluice they are only the topic. */
const SHOWS = ["think", "tool", "interrupt", "error", "slow"] as const;
/** In characters. The patterns take quadratic time, and anyone can send a message. */
const MAX_LENGTH = 2_000;

/** By tool: the pattern that asks for it, with its arguments, and the sentence about its result. */
const RULES: Readonly<Record<string, readonly [RegExp, (result: string, args: Call["args"]) => string]>> = {
  current_time: [
    /\b(?:what(?:'s| is)? (?:the )?(?:current )?(?:time|date|day)|time (?:is it|in|now))\b(?:.*\bin (?<place>\p{L}[\p{L} /_'+-]*))?/iu,
    (result) => `It is ${result}.`,
  ],
  convert_units: [/(?<value>-?\d[\d.]*) ?(?<from>[a-z°/]+) (?:to|in|into) (?<to>[a-z°/]+)/i, (result) => `${result}.`],
  calculator: [
    /(?<expression>(?=[-(\d. ]*[\d)!] ?[-+*/^%] ?[-(\d]|sqrt\()(?:sqrt|[-+*/^%!(). \d])+)/i,
    (result, { expression }) => `${expression} = ${result}`,
  ],
  search_docs: [
    /^(?<query>(?:how|what|why|when|where|which|who|does|explain|describe|tell me about)\b(?!.*\byou\b).{0,250})/i,
    (result) => (result.startsWith("[") ? passage(JSON.parse(result)[0]) : result),
  ],
  ask_human: [/(?!)/, (result) => `You answered “${result}”. Thank you, the run goes on from there.`],
  write_note: [/(?!)/, (result) => result], // see `notesIn`
};

function passage({ title, source, excerpt }: Readonly<Record<string, string>>): string {
  return `${source} says under “${title}”:\n\n${excerpt}`;
}

/**
 * Decides the next message from the conversation alone. A turn starts at the last human message, and has at most two
 * stages of calls: first the question to the user, since an interrupt repeats the tools beside it; then the rest.
 */
export function planMessage(messages: readonly BaseMessage[], tools: BoundTools): Plan {
  const start = messages.findLastIndex((message) => HumanMessage.isInstance(message));
  const asked = messages[start]?.text ?? "";
  const plan = { reasoning: "", text: "", calls: [], fail: false, slow: false };
  const form = portfolioForm(asked, tools);
  if (form) return { ...plan, calls: [form] };
  const answer = researchAnswer(asked) ?? portfolioAdvice(asked, messages[0]?.text ?? "");
  if (answer !== undefined) return { ...plan, text: `${answer}\n\n(demo model)` };

  const { calls, shows } = requestsOf(asked.slice(0, MAX_LENGTH), tools);
  const question = { name: "ask_human", args: { question: "The message asked for an interrupt. How shall I go on?" } };
  const any = shows.has("tool") ? [{ name: "calculator", args: { expression: "6 * 7" } }] : [];
  const wanted = [shows.has("interrupt") ? [question] : [], calls.length > 0 ? calls : any];
  const stages = wanted.map((stage) => stage.filter(({ name }) => tools.has(name))).filter(({ length }) => length > 0);
  const turn = messages.slice(start + 1);
  const done = turn.filter((message) => AIMessage.isInstance(message) && message.tool_calls?.length).length;
  const next = stages[done];
  const thought = `I am a demo model. My rules ask for this: ${JSON.stringify(stages.flat())}. Then I can answer.`;
  return {
    reasoning: shows.has("think") && done === 0 ? thought : "",
    text: next ? "" : (answerFrom(turn) ?? introduction(tools, wanted.flat().length > 0)),
    calls: next ?? [],
    fail: shows.has("error") && !next,
    slow: shows.has("slow"),
  };
}

/** The wishes in a message: calls, and things to show. */
export function requestsOf(message: string, tools: BoundTools) {
  const { before, notes } = notesIn(message);
  const others = [...tools].filter(([name]) => !(name in RULES) && mentions(before, name));
  const calls: Call[] = [];
  const shows = new Set<(typeof SHOWS)[number]>();
  for (const clause of before.split(/[;?\n]|[.:](?=\s|$)|,? (?:and|then) /i).map((part) => part.trim())) {
    if (others.some(([name]) => mentions(clause, name))) continue; // its other words are arguments
    const signs = clause.replace(/(\d) ?% of\b/i, "$1 / 100 *");
    const found = Object.entries(RULES).flatMap(([name, [pattern]]) => {
      const { groups } = (tools.has(name) && pattern.exec(signs)) || {};
      return groups ? [{ name, args: argumentsOf(groups) }] : [];
    })[0];
    if (found) calls.push(found);
    if (found?.name === "search_docs") continue;
    for (const show of SHOWS) if (new RegExp(`\\b${show}`, "i").test(clause)) shows.add(show);
  }
  const named = others.map(([name, schema]) => ({ name, args: argumentsFor(schema, before) }));
  return { calls: [...calls, ...named, ...(tools.has("write_note") ? notes : [])], shows };
}

function argumentsOf(groups: Readonly<Record<string, string | undefined>>): Call["args"] {
  return Object.fromEntries(
    Object.entries(groups).map(([name, text]) => [name, name === "value" ? Number(text) : text?.trim()]),
  );
}

/** "Write a note: buy milk", "write two notes: A; B": the notes have all text after the request. */
function notesIn(message: string): { before: string; notes: Call[] } {
  const request = /\b(?:write|take) (?:\w+ )?note(s?)\b:? ?|\bnote that /i.exec(message);
  if (!request) return { before: message, notes: [] };
  const body = message.slice(request.index + request[0].length);
  const texts = (request[1] ? body.split(/[;\n]/) : [body]).map((text) => text.trim()).filter(Boolean);
  const title = (text: string) => `${text.charAt(0).toUpperCase()}${text.slice(1, 50)}`;
  const notes = texts.slice(0, 5).map((text) => ({ name: "write_note", args: { title: title(text), text } }));
  return { before: message.slice(0, request.index), notes };
}

/** A sentence or a passage for each tool that has returned since the last human message. */
function answerFrom(turn: readonly BaseMessage[]): string | undefined {
  const calls = turn.flatMap((message) => (AIMessage.isInstance(message) ? (message.tool_calls ?? []) : []));
  const results = turn.flatMap((message) => {
    if (!ToolMessage.isInstance(message)) return [];
    const { name, args } = calls.find(({ id }) => id === message.tool_call_id) ?? { name: "unknown", args: {} };
    // LangGraph's last line is advice to a model, not to a user.
    const failed = message.text.replace(/^Error: |\s*Please fix your mistakes\.\s*$/g, "");
    if (message.status === "error") return [`The tool \`${name}\` failed: ${failed}`];
    return [RULES[name]?.[1](message.text, args) ?? `The tool \`${name}\` returned: ${message.text || "nothing"}`];
  });
  return results.length > 0 ? `${results.join("\n\n")}\n\n(demo model)` : undefined;
}

/** The answer when no tool was called. The tools of the assistant that ships come together. */
function introduction(tools: BoundTools, missing: boolean): string {
  const named = [...tools.keys()].filter((name) => !(name in RULES)).join(" or ");
  return `I am the demo model: I follow a few rules and need no API key. ${missing ? "I have no tool for that here. " : ""}\
${tools.has("calculator") ? "Ask me what 12 * 7 is, what time it is in Tokyo, or how to resume a run. " : ""}\
${named && `A message with ${named} calls it. `}The words think, ${tools.has("calculator") ? "tool, interrupt, " : ""}error and \
slow in a message make me show each of those. To talk to a real model, put one into your graph, or, for the agents that \
ship, set OPENAI_API_KEY or OPENAI_BASE_URL in .env and start the server again.`;
}
