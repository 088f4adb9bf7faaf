/**
 * Sends a message into an active run over HTTP. The answer confirms that the server keeps it; bare events do not report
 * that.
 */
import type { InjectedText } from "../../client/connection.ts";
import { freshId } from "../state/ids.ts";
import { request } from "./http.ts";

/** @throws LineError `not_found` when nothing runs. */
export function injector(base: URL) {
  return async (agent: string, threadId: string, message: InjectedText): Promise<void> => {
    await request(new URL(`agui/agent/${encodeURIComponent(agent)}/run`, base), {
      method: "POST",
      headers: { Accept: "application/json" },
      body: {
        threadId,
        runId: freshId(),
        messages: [{ ...message, role: "user" }],
        forwardedProps: { sluice: { inject: true } },
      },
    });
  };
}
