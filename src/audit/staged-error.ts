/** Errors that models and tools are made to throw: with a word in each place where libraries put what should stay. */
import { type Canary, token } from "./canary.ts";

const message = token("error");
const stack = token("stack");
const details = token("details");

export const ERROR_CANARIES: readonly Canary[] = [
  { kind: "error", name: "", texts: [message] },
  // An operator needs to know where it failed, and why.
  { kind: "error-details", name: "stack", texts: [stack], logMay: true },
  { kind: "error-details", name: "fields", texts: [details] },
];

export function auditError(what: string): Error {
  const error = new Error(`${what}: ${message}`, { cause: new Error(stack) });
  error.stack = `Error: ${what}: ${message}\n    at ${stack} (/srv/audit/${stack}.ts:1:1)`;
  return Object.assign(error, {
    request: { headers: { authorization: `Bearer ${details}` } },
    response: { data: { error: details } },
    detail: stack,
  });
}
