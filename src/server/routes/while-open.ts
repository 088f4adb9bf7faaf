/** Does something for as long as a response is open. */
import type { ServerResponse } from "node:http";

/** Runs `work` with a signal that aborts when the client goes away. */
export async function whileOpen<T>(response: ServerResponse, work: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const closed = new AbortController();
  const close = () => closed.abort();
  response.once("close", close);
  if (response.destroyed) close();
  try {
    return await work(closed.signal);
  } finally {
    response.off("close", close);
  }
}
