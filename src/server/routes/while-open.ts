/** Follows a run for as long as a response is open. */
import type { ServerResponse } from "node:http";
import type { RunHandle, RunManager } from "../../runs/manager.ts";

/** Runs `read` as a follower of the run. Its signal aborts when the client goes away. */
export async function whileOpen<T>(
  response: ServerResponse,
  runs: RunManager,
  run: RunHandle,
  read: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const closed = new AbortController();
  const close = () => closed.abort();
  response.once("close", close);
  const leave = runs.follow(run.threadId);
  try {
    return await read(closed.signal);
  } finally {
    response.off("close", close);
    leave();
  }
}
