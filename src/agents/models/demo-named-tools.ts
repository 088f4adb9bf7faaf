/** Calls of tools that the demo model knows nothing about but what was bound: a message asks for them by name. */
import type { BoundTools, PlannedCall, Schema } from "./demo-calls.ts";

const ASSIGNMENT = /=\s?["“][^"“”]*["”]/g;

/** Is this name in the text, as a word of its own? */
export function mentions(text: string, name: string): boolean {
  return positionOf(name, text) >= 0;
}

/**
 * The calls a message asks for by name, in the order of the names. The words from one name to the next are about the
 * first of them: `color=red` gives the argument `color`, and a quoted text is for the first text there is room for.
 */
export function namedCalls(message: string, tools: BoundTools): PlannedCall[] {
  const found = [...tools]
    .map(([name, schema]) => ({ name, schema, at: positionOf(name, message) }))
    .filter(({ at }) => at >= 0)
    .sort((a, b) => a.at - b.at);
  return found.map(({ name, schema, at }, index) => {
    const words = message.slice(index === 0 ? 0 : at, found[index + 1]?.at);
    return { name, args: argumentsFor(schema, words) };
  });
}

function argumentsFor(schema: Schema, words: string): Record<string, unknown> {
  const properties = schema.properties ?? {};
  const names = Object.keys(properties);
  const said = new Map(names.map((name) => [name, assigned(name, words)]));
  // A quoted text that no name claims goes to the first text that is still missing.
  const quoted = /["“]([^"“”]*)["”]/.exec(words.replace(ASSIGNMENT, ""))?.[1];
  const open = names.find((name) => said.get(name) === undefined && typeOf(properties[name]) === "string");
  if (open !== undefined && quoted !== undefined) said.set(open, quoted);
  return Object.fromEntries(names.map((name) => [name, valueFor(properties[name] ?? {}, said.get(name))]));
}

/** What the words say a name is: `name=value` or `name="several words"`. */
function assigned(name: string, words: string): string | undefined {
  const [, quoted, bare] =
    new RegExp(String.raw`${wordStart(name)}\s?=\s?(?:["“]([^"“”]*)["”]|([^\s,;]+))`, "u").exec(words) ?? [];
  return quoted ?? bare?.replace(/[.!?]+$/, "");
}

/** The text as the type asks for it; without one, or when it does not fit, something of that type. */
function valueFor(schema: Schema, text: string | undefined): unknown {
  const usual = schema.default ?? schema.enum?.[0];
  if (schema.enum) return schema.enum.find((value) => String(value) === text) ?? usual;
  switch (typeOf(schema)) {
    case "number":
    case "integer":
      return text !== undefined && Number.isFinite(Number(text)) ? Number(text) : (usual ?? 1);
    case "boolean":
      return text === undefined ? (usual ?? true) : text === "true";
    case "array":
      return usual ?? [];
    case "object":
      return usual ?? {};
    default:
      return text ?? usual ?? "demo";
  }
}

/** The type, of several the first that is not null. A schema without one takes a text too. */
function typeOf({ type = "string", enum: values }: Schema = {}): string | undefined {
  if (values) return "enum";
  return typeof type === "string" ? type : type.find((name) => name !== "null");
}

function positionOf(name: string, text: string): number {
  return text.search(new RegExp(String.raw`${wordStart(name)}(?![\w-])`, "u"));
}

/** A pattern for the name where a word begins. */
function wordStart(name: string): string {
  return String.raw`(?<![\w-])${name.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`)}`;
}
