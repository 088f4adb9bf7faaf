/** Checks a run's events with the real clients of both generations, from the wire to the resulting messages. */
import { HttpAgent } from "@ag-ui/client";
import { HttpAgent as HttpAgent0 } from "ag-ui-client-0.0.59";
import { type AguiEvent, EventType, isTerminal } from "../../src/protocol/events.ts";
import { downgrade } from "../../src/protocol/generations.ts";
import { sseFrame } from "../../src/server/sse-peer.ts";

/**
 * Rejects if one run's events are not valid: they must begin with `RUN_STARTED`, end with their only terminal event,
 * and pass the parser, schemas and verifier of `@ag-ui/client` 1.0.0 and, downgraded, of 0.0.59.
 */
export async function verifyRun(events: readonly AguiEvent[]): Promise<void> {
  const types = events.map(({ type }) => type);
  const [first] = events;
  if (first?.type !== EventType.RUN_STARTED) throw new Error(`A run begins with RUN_STARTED, not ${types[0]}.`);
  const terminal = types.filter(isTerminal);
  if (terminal.length !== 1) throw new Error(`A run ends once, not with [${terminal}].`);
  if (types.at(-1) !== terminal[0]) throw new Error(`Nothing follows ${terminal[0]}, not ${types.at(-1)}.`);
  const { threadId, runId } = first;
  await new HttpAgent({ url: "http://none.invalid", threadId, fetch: answering(events) }).runAgent({ runId });
  const older = events.map(downgrade);
  await new HttpAgent0({ url: "http://none.invalid", threadId, fetch: answering(older) }).runAgent({ runId });
}

/** Returns a fetch that always answers with these events as SSE. */
function answering(events: readonly AguiEvent[]): () => Promise<Response> {
  const body = events.map((event) => sseFrame(JSON.stringify(event), undefined)).join("");
  return async () => new Response(body, { headers: { "content-type": "text/event-stream" } });
}
