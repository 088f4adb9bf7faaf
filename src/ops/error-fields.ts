/** Makes the log's fields for an error. It never throws, whatever was thrown. */
import { messageOf } from "../protocol/redact.ts";

/** Causes that are followed, and errors of an `AggregateError` that are shown. Chains may be long, or go in a circle. */
const MAX_CAUSES = 5;
const MAX_ERRORS = 5;

/** The most of a stack that is shown. */
const MAX_STACK = 20_000;

/** Returns `type`, `message` and `stack` of anything thrown, its plain fields such as `code`, and its causes. */
export function errorFields(thrown: unknown): unknown {
  return fieldsOf(thrown, MAX_CAUSES);
}

function fieldsOf(thrown: unknown, depth: number): unknown {
  if (typeof thrown !== "object" || thrown === null) return messageOf(thrown);
  const name = read(thrown, "name") ?? read(thrown, "type"); // `thrown` may be the result of an earlier call, which has `type`.
  const stack = read(thrown, "stack");
  const errors = read(thrown, "errors");
  const cause = read(thrown, "cause");
  const more = depth > 0;
  return {
    ...plainFields(thrown),
    type: typeof name === "string" ? name : "thrown",
    message: messageOf(thrown),
    ...(typeof stack === "string" ? { stack: stack.slice(0, MAX_STACK) } : {}),
    ...(more && isList(errors) ? { errors: listed(errors).map((error) => fieldsOf(error, depth - 1)) } : {}),
    ...(cause === undefined ? {} : { cause: more ? fieldsOf(cause, depth - 1) : "..." }),
  };
}

/** Returns the own fields that are strings, numbers or booleans. */
function plainFields(thrown: object): Record<string, unknown> {
  const plain = ["string", "number", "boolean"];
  return Object.fromEntries(
    attempt(() => Object.keys(thrown), [])
      .map((key) => [key, read(thrown, key)] as const)
      .filter(([, value]) => plain.includes(typeof value)),
  );
}

function isList(value: unknown): value is readonly unknown[] {
  return attempt(() => Array.isArray(value), false);
}

function listed(errors: readonly unknown[]): readonly unknown[] {
  return attempt(() => [...errors.slice(0, MAX_ERRORS)], []);
}

function read(thrown: object, key: string): unknown {
  return attempt(() => (thrown as Record<string, unknown>)[key], undefined);
}

function attempt<T>(look: () => T, otherwise: T): T {
  try {
    return look();
  } catch {
    return otherwise;
  }
}
