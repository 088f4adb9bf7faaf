/** Lets a person in a terminal answer a graph's question: by the JSON Schema of the answer, field by field. */
import type { Interrupt } from "../../protocol/events.ts";
import { isRecord } from "../../protocol/input.ts";
import { oneLine, printable } from "./printable.ts";

/** The way to address the person. */
export interface Dialogue {
  /** Shows a prompt and returns the typed line; `undefined` when the user left. */
  read(prompt: string): Promise<string | undefined>;
  /** Shows a line. */
  say(line: string): void;
}

/** A value that the user types: the text that fits, and its meaning. */
interface Field {
  /** Describes the values that fit, in a few words. */
  readonly hint: string;
  /** The value that `text` stands for; `undefined` if it fits no value. */
  value(text: string): unknown;
}

/** The question, as it is shown. */
export function questionOf({ message, reason }: Interrupt): string {
  return printable(message ?? reason);
}

/** The answer to `interrupt`; `undefined` when the person left without one. */
export async function answerTo({ responseSchema }: Interrupt, dialogue: Dialogue): Promise<unknown> {
  const { type, properties, required } = isRecord(responseSchema) ? responseSchema : {};
  const fields = new Map(type === "object" && isRecord(properties) ? Object.entries(properties).map(namedField) : []);
  if (fields.size === 0) return fill("answer", responseSchema ? fieldOf(responseSchema) : FREE, dialogue);

  const answer: Record<string, unknown> = {};
  const optional = new Map(fields);
  for (const name of Array.isArray(required) ? required.map(String) : []) {
    const field = fields.get(name);
    if (!field) continue;
    optional.delete(name);
    const value = await fill(name, field, dialogue);
    if (value === undefined) return undefined;
    answer[name] = value;
  }
  return optional.size === 0 ? answer : addTo(answer, optional, dialogue);
}

/** Asks for one value until the typed text is valid. */
async function fill(name: string, { hint, value }: Field, dialogue: Dialogue): Promise<unknown> {
  for (;;) {
    const text = await dialogue.read(`${oneLine(name)} (${hint}): `);
    if (text === undefined) return undefined;
    const found = value(text.trim());
    if (found !== undefined) return found;
    dialogue.say(`That is not valid. Expected: ${hint}.`);
  }
}

/** Optional fields are listed and not asked for one by one: most people leave them out. */
async function addTo(
  answer: Record<string, unknown>,
  optional: ReadonlyMap<string, Field>,
  dialogue: Dialogue,
): Promise<unknown> {
  const names = [...optional.keys()].map((name) => oneLine(name)).join(", ");
  for (;;) {
    const line = await dialogue.read(`${names} (name: value; Enter sends): `);
    if (line === undefined) return undefined;
    if (line.trim() === "") return answer;
    const [, name = "", text = ""] = /^\s*([^:=]*?)\s*[:=]\s*(.*?)\s*$/s.exec(line) ?? [];
    const field = optional.get(name);
    const value = field?.value(text);
    if (value !== undefined) answer[name] = value;
    else
      dialogue.say(
        field ? `That is not valid. Expected: ${field.hint}.` : `Write one of ${names}, a colon, and its value.`,
      );
  }
}

/**
 * The field for a question without a schema. Text that looks like JSON is sent as JSON. Other text is read as Sluice's
 * sockets read it.
 */
const FREE: Field = {
  hint: "text, /approve or /reject",
  value(text) {
    if (text === "") return undefined;
    const [, word, more] = /^\/(approve|reject)(?:\s+(.*))?$/s.exec(text) ?? [];
    if (word) return { approved: word === "approve", ...(more ? { text: more } : {}) };
    return /^[{[]|^(?:true|false|null)$/.test(text) ? (parsed(text) ?? text) : text;
  },
};

const TEXT: Field = { hint: "text", value: (text) => text || undefined };

const YES_OR_NO: Field = {
  hint: "yes or no",
  value: (text) => (/^(y|yes|true)$/i.test(text) ? true : /^(n|no|false)$/i.test(text) ? false : undefined),
};

const JSON_TEXT: Field = { hint: "JSON", value: parsed };

function namedField([name, schema]: [string, unknown]): [string, Field] {
  return [name, fieldOf(schema)];
}

function fieldOf(schema: unknown): Field {
  if (!isRecord(schema)) return JSON_TEXT;
  if (Array.isArray(schema.enum) && schema.enum.length > 0) return choice(schema.enum);
  if (schema.type === "string") return TEXT;
  if (schema.type === "boolean") return YES_OR_NO;
  if (schema.type === "number" || schema.type === "integer") return number(schema.type === "integer");
  return JSON_TEXT;
}

/** A field for one of several values. The beginning of a word is enough if only one word begins with it. */
function choice(values: readonly unknown[]): Field {
  const words = new Map(values.map((value) => [typeof value === "string" ? value : JSON.stringify(value), value]));
  return {
    hint: [...words.keys()].map((word) => oneLine(word)).join(", "),
    value(typed) {
      // Over a socket the answer is `/approve`, so people may type the slash here too.
      const text = typed.replace(/^\//, "");
      if (words.has(text)) return words.get(text);
      const meant = [...words].filter(([word]) => text && word.toLowerCase().startsWith(text.toLowerCase()));
      return meant.length === 1 ? meant[0]?.[1] : undefined;
    },
  };
}

function number(whole: boolean): Field {
  return {
    hint: whole ? "a whole number" : "a number",
    value(text) {
      const value = Number(text);
      return text !== "" && Number.isFinite(value) && (!whole || Number.isInteger(value)) ? value : undefined;
    },
  };
}

/** `undefined`: it is no JSON. */
function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}
