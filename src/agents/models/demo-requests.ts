import type { BoundTools, PlannedCall } from "./demo-calls.ts";
import { mentions, namedCalls } from "./demo-named-tools.ts";
import { notesIn } from "./demo-notes.ts";

/** The words that make the demo model show something. */
export type Show = "think" | "tool" | "interrupt" | "error" | "slow";

/** What a message asks for. */
export interface Requests {
  readonly calls: readonly PlannedCall[];
  readonly shows: ReadonlySet<Show>;
}

/** In characters; what comes after is not read. The patterns take quadratic time, and anyone can send a message. */
const MAX_LENGTH = 2000;

/** The tools that have a rule below. Others are called when a message names them. */
export const RULED = new Set(["calculator", "convert_units", "current_time", "search_docs", "ask_human", "write_note"]);

const SHOWS: readonly [Show, RegExp][] = [
  ["think", /\bthink(?:ing)?\b/i],
  ["tool", /\btools?\b/i],
  ["interrupt", /\binterrupt(?:s|ion)?\b/i],
  ["error", /\berrors?\b/i],
  ["slow", /\bslow(?:ly)?\b/i],
];

/**
 * Reads from a message which of the tools it asks for, and what it asks to be shown.
 *
 * @param message - what the person wrote
 * @param tools - the tools that can be called
 */
export function requestsOf(message: string, tools: BoundTools): Requests {
  const text = message.slice(0, MAX_LENGTH);
  // What a note says is no request, so notes are taken out first.
  const { rest, calls: notes } = tools.has("write_note") ? notesIn(text) : { rest: text, calls: [] };
  const named = namedCalls(rest, new Map([...tools].filter(([name]) => !RULED.has(name))));
  const calls: PlannedCall[] = [];
  const shows = new Set<Show>();
  const questions: string[] = [];

  for (const clause of clauses(rest)) {
    if (named.some(({ name }) => mentions(clause, name))) continue; // its other words are arguments
    const call = [conversion(clause), time(clause), arithmetic(clause)].find((found) => found && tools.has(found.name));
    if (call) {
      calls.push(call);
    } else if (tools.has("search_docs") && asksAboutSluice(clause)) {
      // "What happens on an error?" is a question about errors. It does not ask for one.
      questions.push(clause);
      continue;
    }
    for (const [show, word] of SHOWS) if (word.test(clause)) shows.add(show);
  }

  if (questions.length > 0) calls.push({ name: "search_docs", args: { query: questions.join("; ").slice(0, 300) } });
  return { calls: [...calls, ...named, ...notes], shows };
}

/** "What is 2+2 and what time is it in Paris?" asks two things. */
function clauses(message: string): string[] {
  return message
    .split(/[;?\n]|[.:](?=\s|$)|,?\s+\b(?:and|then)\b(?:\s+(?:also|then))?|,\s*(?=(?:what|how|convert|also)\b)/i)
    .map((clause) => clause.trim())
    .filter((clause) => clause !== "");
}

const NUMBER = String.raw`-?\d+(?:\.\d+)?(?:e[+-]?\d+)?`;
const UNIT_NAMES =
  "[kcmnµ]?m|(?:kilo|centi|milli)?met(?:er|re)s?|mi|miles?|in|inch(?:es)?|ft|foot|feet|yd|yards?|" +
  "k?g|mg|(?:kilo)?grams?|lbs?|pounds?|oz|ounces?|tons?|tonnes?|stone|" +
  "°?[cfk]|celsius|centigrade|fahrenheit|kelvin|m?l|lit(?:er|re)s?|gallons?|cups?|pints?|" +
  "mph|km/?h|kph|m/s|miles per hour|s|min|h|seconds?|minutes?|hours?|days?|weeks?|[kmgt]?b|[kmgt]i?b|bytes?|bits?|k?wh|k?j|joules?";
const FORWARD = new RegExp(
  String.raw`(${NUMBER})\s*(${UNIT_NAMES})\s+(?:to|in|into|as)\s+(${UNIT_NAMES})(?![\w/])`,
  "i",
);
// "how many miles are 5 km"
const BACKWARD = new RegExp(
  String.raw`how (?:many|much) (${UNIT_NAMES})\s+(?:is|are|in|make)\s+(${NUMBER})\s*(${UNIT_NAMES})(?![\w/])`,
  "i",
);
// After the word "convert" any word may be a unit: the tool knows more of them than this file.
const SPELLED_OUT = new RegExp(String.raw`\bconvert\s+(${NUMBER})\s*(\S+)\s+(?:to|in|into)\s+(\S+)`, "i");

function conversion(clause: string): PlannedCall | undefined {
  const backward = BACKWARD.exec(clause);
  const forward = FORWARD.exec(clause) ?? SPELLED_OUT.exec(clause);
  const [value, from, to] = backward ? [backward[2], backward[3], backward[1]] : (forward?.slice(1) ?? []);
  if (value === undefined) return undefined;
  return { name: "convert_units", args: { value: Number(value), from, to } };
}

function time(clause: string): PlannedCall | undefined {
  if (
    !/\b(?:what(?:'s| is)?(?: the)?(?: current| local)? (?:time|date|day)\b(?! (?:limit|out|to\b|zone))|(?:current|local) time|time (?:is it|in|now)|clock)\b|^time$/i.test(
      clause,
    )
  ) {
    return undefined;
  }
  const place = /\b(?:in|for)\s+(?:the\s+)?([\p{L}][\p{L}\p{M}\d /_.'+-]*)/u
    .exec(clause)?.[1]
    ?.replace(/\s+(?:right now|now|today|please)$/i, "");
  return { name: "current_time", args: place ? { place } : {} };
}

const WORDED: readonly [RegExp, string][] = [
  [/\bdivided by\b|÷/gi, "/"],
  [/\b(?:times|multiplied by)\b|[×·]|(?<=\d\s*)x(?=\s*\d)/gi, "*"],
  [/\bplus\b/gi, "+"],
  [/\bminus\b|−/gi, "-"],
  [/\bto the power of\b|\*\*/gi, "^"],
  [/\bsquared\b/gi, "^2"],
  [/\bcubed\b/gi, "^3"],
  [/\b(?:the )?square root of (\d+(?:\.\d+)?)/gi, "sqrt($1)"],
  [/(\d+(?:\.\d+)?)\s*(?:%|percent) of\b/gi, "$1 / 100 *"],
];
const MATHS =
  /(?:\d[\d.]*(?:e[+-]?\d+)?|\b(?:sqrt|cbrt|sin|cos|tan|log10|log2|log|exp|abs|round|floor|ceil|pi|min|max|mod)\b|[-+*/^%!(),\s])+/gi;
const OPERATION = /(?:[\d)!%]|pi)\s*(?:[-+*/^%]|mod)\s*[-(\da-z]|[a-z\d]\(\s*[-\d(a-z]|\d\s*!/i;

function arithmetic(clause: string): PlannedCall | undefined {
  if (/\b\d{4}-\d\d-\d\d\b/.test(clause)) return undefined; // a date, not a subtraction
  const text = WORDED.reduce((worded, [pattern, sign]) => worded.replace(pattern, sign), clause);
  const expression = (text.match(MATHS) ?? [])
    .map((part) => part.replace(/^[)*/^%!,+\s]+|[-(*/^,.+\s]+$/g, ""))
    .filter((part) => OPERATION.test(part))
    .sort((a, b) => b.length - a.length)[0];
  return expression === undefined ? undefined : { name: "calculator", args: { expression } };
}

// These belong to Sluice wherever they stand; the others only when they stand in a question.
const TOPIC =
  /\b(?:sluice|lang(?:graph|chain|smith)|ag-?ui|copilotkit|assistant-ui|allow-?lists?|filter|resum|reconnect|replay|stream|web-?sockets?|sse|keep-?alive|redis|postgres|sqlite)/i;
const TOPIC_OF_QUESTION =
  /\b(?:cursor|epoch|offset|protocol|snapshot|checkpoint|threads?\b|runs?\b|graphs?\b|agents?\b|events?\b|frames?\b|cancel|deadline|time-?outs?\b|drain|leases?\b|deploy|docker|configur|environment|authenticat|metrics|playground|api key|errors?\b|interrupt|tool calls?\b|slow)/i;
const QUESTION =
  /^(?:(?:so|please|ok|but),?\s+)?(?:how|what|why|when|where|which|who|does|explain|describe|tell me about)\b/i;
const HOW_TO = /\bhow (?:do|does|can|could|should|would|to)\b/i;

function asksAboutSluice(clause: string): boolean {
  if (HOW_TO.test(clause)) return true;
  if (QUESTION.test(clause)) return TOPIC.test(clause) || TOPIC_OF_QUESTION.test(clause);
  // "Stream slowly" is no question, but "resume" alone is one.
  return TOPIC.test(clause) && !SHOWS.some(([, word]) => word.test(clause));
}
