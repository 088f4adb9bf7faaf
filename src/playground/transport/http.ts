/** Requests to the protocol's HTTP routes, and the errors that they answer. */
import type { Narrowing } from "../../client/connection.ts";
import { authorization, takesTokens } from "./credentials.ts";
import type { LineError } from "./transport.ts";

export interface Request {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/** @throws LineError with the server's error, or `unreachable`. */
export async function request(
  url: URL,
  { method = "GET", body, headers, signal }: Request = {},
): Promise<globalThis.Response> {
  const json = body === undefined ? undefined : JSON.stringify(body);
  const type: Record<string, string> = json === undefined ? {} : { "Content-Type": "application/json" };
  let response: globalThis.Response;
  try {
    response = await fetch(url, {
      method,
      headers: { ...type, ...authorization(), ...headers },
      body: json ?? null,
      signal: signal ?? null,
    });
  } catch (thrown) {
    throw unreachable(thrown);
  }
  if (!response.ok) throw await errorOf(response);
  return response;
}

export async function requestJson<T>(url: URL, options?: Request): Promise<T> {
  return (await (await request(url, options)).json()) as T;
}

export function unreachable(thrown: unknown): LineError {
  return { code: "unreachable", message: thrown instanceof Error ? thrown.message : String(thrown), retryable: true };
}

/** Turns a thrown value into a `LineError`. */
export function lineError(thrown: unknown): LineError {
  const { code, message, retryable, details } = (thrown ?? {}) as Partial<LineError>;
  if (typeof code !== "string" || typeof message !== "string") return unreachable(thrown);
  return { code, message, retryable: retryable === true, details };
}

async function errorOf(response: globalThis.Response): Promise<LineError> {
  if (response.headers.get("WWW-Authenticate")?.startsWith("Bearer")) takesTokens.value = true;
  const text = await response.text();
  try {
    return lineError((JSON.parse(text) as { error: unknown }).error);
  } catch {
    // The answer is not from Sluice, but from a proxy, for example.
    const code = response.status === 401 ? "unauthorized" : "internal";
    return { code, message: `The server answered ${response.status}.`, retryable: response.status >= 500 };
  }
}

/** Returns URL parameters for a thread's narrowing and the page's protocol version. */
export function queryOf({ tokens, reasoning }: Narrowing): string {
  return new URLSearchParams({
    protocol: "1.0",
    ...(tokens === false && { tokens: "false" }),
    ...(reasoning === false && { reasoning: "false" }),
  }).toString();
}
