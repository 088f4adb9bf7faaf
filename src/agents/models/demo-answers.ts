import type { BoundTools, PlannedCall } from "./demo-calls.ts";
import { RULED } from "./demo-requests.ts";

/** A tool call of this turn and what came of it. */
export interface ToolResult {
  readonly call: PlannedCall;
  readonly content: string;
  readonly failed: boolean;
}

/** The answer to results: a sentence or a passage for each. Says once that a demo model wrote it. */
export function answerFrom(results: readonly ToolResult[]): string {
  return `${results.map(sentence).join("\n\n")}\n\n(demo model)`;
}

function sentence(result: ToolResult): string {
  const { call, content } = result;
  if (result.failed) {
    // The last line is LangGraph's advice to a model, not to a person.
    const reason = content.replace(/^Error: /, "").replace(/\s*Please fix your mistakes\.\s*$/, "");
    return `The tool \`${call.name}\` failed: ${reason}`;
  }
  switch (call.name) {
    case "calculator":
      return `${String(call.args.expression)} = ${content}`;
    case "convert_units":
      return `${content}.`;
    case "current_time":
      return `It is ${content}.`;
    case "search_docs":
      return passage(content);
    case "ask_human":
      return `You answered “${answered(content)}”. Thank you, the run goes on from there.`;
    case "write_note":
      return content;
    default:
      return `The tool \`${call.name}\` returned${content === "" ? " nothing." : `: ${content}`}`;
  }
}

/** The words of what a terminal sends for `/approve WORDS`; another answer as it is. */
function answered(content: string): string {
  const { approved, text } = (json(content) ?? {}) as { approved?: unknown; text?: unknown };
  return typeof approved === "boolean" && typeof text === "string" ? text : content;
}

/** Quotes the best section that `search_docs` found, and names the others. */
function passage(content: string): string {
  const [best, ...others] = foundIn(content);
  if (!best) return content;
  const more = others.map(({ title, source }) => `“${title}” (${source})`);
  const seeAlso = more.length > 0 ? `\n\nSee also ${more.join(" and ")}.` : "";
  return `${best.source} says under “${best.title}”:\n\n${best.excerpt}${seeAlso}`;
}

function foundIn(content: string): { title: string; source: string; excerpt: string }[] {
  const found = json(content);
  return Array.isArray(found) ? found : [];
}

function json(content: string): unknown {
  try {
    return JSON.parse(content);
  } catch {
    return undefined; // a sentence, such as that nothing matches
  }
}

const EXAMPLES: readonly [tool: string, example: string][] = [
  ["calculator", "a calculation (“what is 12 * 7?”)"],
  ["convert_units", "a conversion (“convert 5 km to miles”)"],
  ["current_time", "the time (“what time is it in Tokyo?”)"],
  ["write_note", "a note (“write a note: buy milk”)"],
  ["search_docs", "something about Sluice (“how do I resume a run?”)"],
];

/** The answer when there was nothing to call: who this is, what it can show, how to get a real model. */
export function introduction(tools: BoundTools, missing: readonly string[]): string {
  const examples = EXAMPLES.filter(([name]) => tools.has(name)).map(([, example]) => example);
  const others = [...tools.keys()].filter((name) => !RULED.has(name)).map((name) => `\`${name}\``);
  return [
    "I am the demo model: I follow a few rules and need no API key.",
    ...missing.map((what) => `You asked for ${what}, but I have no tool for that here.`),
    examples.length > 0 ? `You can ask me for ${list(examples)}.` : "",
    others.length > 0 ? `A message that names ${list(others)} makes me call it.` : "",
    "The words think, tool, interrupt, error and slow in a message make me show each of those.",
    "To talk to a real model, set OPENAI_API_KEY or OPENAI_BASE_URL in .env and start the server again.",
  ]
    .filter((part) => part !== "")
    .join(" ");
}

/** What the demo model "thinks": which of its rules apply. */
export function reasoningFor(stages: readonly (readonly PlannedCall[])[]): string {
  const start = "I am a demo model, so my thinking is a list of rules. ";
  const calls = stages.flat();
  if (calls.length === 0) return `${start}None of them asks for a tool here, so I can answer at once.`;
  const steps = stages.map((stage) => list(stage.map(({ name, args }) => `${name} with ${JSON.stringify(args)}`)));
  return `${start}The message calls for ${steps.join(", and after that for ")}. Then I can answer from what comes back.`;
}

function list(items: readonly string[]): string {
  return items.length < 2 ? items.join("") : `${items.slice(0, -1).join(", ")} and ${items.at(-1)}`;
}
