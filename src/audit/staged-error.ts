/** Errors for models and tools to throw. They have a canary in each place where libraries put private data. */
import { type Canary, token } from "./canary.ts";

const message = token("error");
const stack = token("stack");
const details = token("details");

export const ERROR_CANARIES: readonly Canary[] = [
  { kind: "error", name: "", texts: [message] },
  // The log may have the stack, because an operator needs the place and the reason.
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
