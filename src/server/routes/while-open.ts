/** Does something for as long as a response is open. */
import type { ServerResponse } from "node:http";

/** Runs `work` with a signal that aborts when the client disconnects, or when `until` aborts. */
export async function whileOpen<T>(
  response: ServerResponse,
  work: (signal: AbortSignal) => Promise<T>,
  until?: AbortSignal,
): Promise<T> {
  const closed = new AbortController();
  const close = () => closed.abort();
  response.once("close", close);
  until?.addEventListener("abort", close);
  if (response.destroyed || until?.aborted) close();
  try {
    return await work(closed.signal);
  } finally {
    response.off("close", close);
    until?.removeEventListener("abort", close);
  }
}
