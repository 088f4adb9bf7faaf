/** The part of a question's JSON Schema that a form needs. */
import type { ResumeEntry } from "../../protocol/events.ts";

export interface Field {
  readonly name: string;
  readonly kind: "text" | "number" | "boolean" | "choice" | "json";
  readonly choices: readonly string[];
  readonly label: string;
  readonly hint: string | undefined;
  readonly required: boolean;
  readonly integer: boolean;
  /** The text that the field shows at first. */
  readonly initial: string;
}

export interface Form {
  /** The field that decides about the others, such as approve or reject. Each of its choices becomes a button. */
  readonly decision: Field | undefined;
  readonly fields: readonly Field[];
  /** The schema does not describe an object: the answer is the value of the only field. */
  readonly bare: boolean;
}

interface Schema {
  readonly type?: unknown;
  readonly enum?: readonly unknown[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly description?: string;
  readonly title?: string;
  readonly default?: unknown;
}

const ANSWER = "answer";

/** Returns the form for a schema. Without a schema, the form asks for any text. */
export function formOf(schema: unknown): Form {
  if (typeof schema !== "object" || schema === null)
    return { decision: undefined, fields: [fieldOf(ANSWER, { type: "string" }, true)], bare: true };
  const { type, properties, required = [] } = schema as Schema;
  if (type !== "object" || !properties)
    return { decision: undefined, fields: [fieldOf(ANSWER, schema as Schema, true)], bare: true };
  const fields = Object.entries(properties).map(([name, part]) => fieldOf(name, part, required.includes(name)));
  const decision = fields.find(({ kind, required }) => kind === "choice" && required) ?? fields.find(isApproval);
  return { decision, fields: fields.filter((field) => field !== decision), bare: false };
}

/** Returns whether a field is a boolean whose name asks for approval. */
function isApproval({ name, kind }: Field): boolean {
  return kind === "boolean" && /^(approved?|accept(ed)?|confirm(ed)?|allow(ed)?)$/i.test(name);
}

/** A button of a decision. */
export interface Decision {
  readonly label: string;
  readonly value: unknown;
  /** It refuses, so it must not look like an approval. */
  readonly refuses: boolean;
}

export function decisionsOf({ kind, choices }: Field): readonly Decision[] {
  if (kind === "boolean")
    return [
      { label: "Approve", value: true, refuses: false },
      { label: "Reject", value: false, refuses: true },
    ];
  return choices.map((value) => ({ label: titled(value), value, refuses: REFUSAL.test(value) }));
}

const REFUSAL = /^(reject|refuse|deny|decline|disapprove|disallow|cancel|abort|stop|no|never|ignore)(ed|d)?\b/i;

/** Returns the label of a decision after its fields are filled in. An edit is then complete. */
export function confirming(label: string): string {
  return label === "Edit" ? "Approve with changes" : label;
}

const DONE: Readonly<Record<string, string>> = {
  Approve: "Approved",
  Edit: "Approved with changes",
  Accept: "Accepted",
  Reject: "Rejected",
  Decline: "Declined",
  Deny: "Denied",
};

/** Returns an answer in words: the decision and the filled-in values. */
export function inWords({ decision, fields, bare }: Form, { status, payload }: ResumeEntry): string {
  if (status === "cancelled") return "Skipped";
  if (bare || typeof payload !== "object" || payload === null) return wordsOf(payload);
  const values = payload as Readonly<Record<string, unknown>>;
  const decided = decision && decisionsOf(decision).find(({ value }) => value === values[decision.name]);
  const filled = fields.flatMap(({ name, label }) =>
    values[name] === undefined ? [] : [`${label}: ${wordsOf(values[name])}`],
  );
  return [...(decided ? [DONE[decided.label] ?? decided.label] : []), ...filled].join("\n");
}

function wordsOf(value: unknown): string {
  if (typeof value === "boolean") return value ? "Yes" : "No";
  return typeof value === "string" ? value : value === undefined ? "Answered" : JSON.stringify(value);
}

/**
 * Returns the fields that a decision needs: those whose description names it ("For edit: ..."), or all fields if no
 * description names a decision.
 */
export function fieldsFor(fields: readonly Field[], value: unknown): readonly Field[] {
  const named = fields.some(({ hint }) => /^for \w+:/i.test(hint ?? ""));
  return named ? fields.filter(({ hint }) => hint?.toLowerCase().startsWith(`for ${String(value)}:`)) : fields;
}

/**
 * Returns the value of a field from the typed text, or `undefined` if it was left empty.
 * @throws Error with a sentence for the person who typed it.
 */
export function answerOf({ kind, integer, required, label }: Field, typed: string): unknown {
  if (kind === "boolean") return typed === "true";
  if (typed.trim() === "") {
    if (required) throw new Error(`${label} is required.`);
    return undefined;
  }
  if (kind === "number") {
    const number = Number(typed);
    if (!Number.isFinite(number)) throw new Error(`${label} must be a number.`);
    if (integer && !Number.isInteger(number)) throw new Error(`${label} must be a whole number.`);
    return number;
  }
  if (kind !== "json") return typed;
  try {
    return JSON.parse(typed);
  } catch {
    throw new Error(`${label} must be JSON.`);
  }
}

function fieldOf(name: string, schema: Schema, required: boolean): Field {
  const choices = (schema.enum ?? []).filter((choice) => typeof choice === "string");
  return {
    name,
    kind: choices.length > 0 ? "choice" : kindOf(schema.type),
    choices,
    label: schema.title ?? titled(name),
    hint: schema.description,
    required,
    integer: schema.type === "integer",
    initial: initialOf(schema.default),
  };
}

function kindOf(type: unknown): Field["kind"] {
  if (type === "string") return "text";
  if (type === "number" || type === "integer") return "number";
  return type === "boolean" ? "boolean" : "json";
}

function initialOf(value: unknown): string {
  if (value === undefined) return "";
  return typeof value === "string" ? value : JSON.stringify(value, null, 2);
}

/** Turns `due_date` into "Due date". */
function titled(name: string): string {
  const words = name.replace(/([a-z])([A-Z])/g, "$1 $2").replaceAll(/[_-]+/g, " ");
  return words.charAt(0).toUpperCase() + words.slice(1).toLowerCase();
}
