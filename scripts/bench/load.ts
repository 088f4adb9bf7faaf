/** The load: many clients in this process, each with its own line to the server. */
import { randomUUID } from "node:crypto";
import type { RunAgentInput } from "@ag-ui/core";
import { openLine, type Transport } from "../line.ts";
import { answerTo, TOKEN_LENGTH, type Workload } from "./graph.ts";

/** The sums over all clients of one round. */
export interface Seen {
  /** The tokens that arrived unchanged. */
  delivered: number;
  expected: number;
  frames: number;
  bytes: number;
  /** The time from the request to the first event, in milliseconds, one for each run. */
  firstEvents: number[];
  /** The time between two frames with tokens of the same run, in milliseconds. */
  gaps: number[];
  /** The reasons why runs were not delivered completely. */
  losses: string[];
}

export interface Load {
  readonly url: string;
  readonly transport: Transport;
  readonly workload: Workload;
  readonly runs: number;
  /** Sent with every line's handshake or request. */
  readonly headers?: Readonly<Record<string, string>> | undefined;
  /** For a single run: its thread, and the messages before its question. */
  readonly threadId?: string;
  readonly history?: RunAgentInput["messages"];
}

export function nothingSeen(): Seen {
  return { delivered: 0, expected: 0, frames: 0, bytes: 0, firstEvents: [], gaps: [], losses: [] };
}

/**
 * Opens a line for every run, calls `begin`, starts all runs at once, and adds the results to `seen`. Resolves when the
 * last run has ended. WebSockets are open before `begin`, as in a chat before the person types.
 */
export async function load(
  { url, transport, workload, runs, headers, threadId, history }: Load,
  seen: Seen,
  begin: () => Promise<void>,
) {
  const clients = await Promise.all(
    Array.from({ length: runs }, () => client(url, transport, headers, threadId, history)),
  );
  await begin();
  await Promise.all(clients.map(({ run }) => run(workload, seen)));
  return () => clients.map(({ close }) => close());
}

async function client(
  url: string,
  transport: Transport,
  headers: Load["headers"],
  threadId: string = randomUUID(),
  history: RunAgentInput["messages"] = [],
) {
  let heard: (json: string, bytes: number, at: number) => void = () => {};
  let ended: (reason: string) => void = () => {};
  const line = await openLine(
    transport,
    { url, agent: undefined, threadId, headers },
    {
      event: (json, bytes, at) => heard(json, bytes, at),
      ended: (reason = "The response ended before the run.") => ended(reason),
    },
  );
  const run = async (workload: Workload, seen: Seen) => {
    const content = JSON.stringify(workload);
    const messages = [...history, { id: randomUUID(), role: "user" as const, content }];
    let text = "";
    let asked = 0;
    let first: number | undefined;
    let last: number | undefined;
    const failure = await new Promise<string | undefined>((resolve) => {
      ended = resolve;
      heard = (json, bytes, at) => {
        const event = JSON.parse(json) as { type: string; delta?: string; message?: string };
        first ??= at - asked;
        if (event.type === "TEXT_MESSAGE_CONTENT") {
          text += event.delta;
          seen.frames += 1;
          seen.bytes += bytes;
          if (last !== undefined) seen.gaps.push(at - last);
          last = at;
        } else if (event.type === "RUN_FINISHED") resolve(undefined);
        else if (event.type === "RUN_ERROR") resolve(event.message);
      };
      asked = performance.now();
      line.start({ threadId, runId: randomUUID(), messages, tools: [], context: [] });
    });
    if (first !== undefined) seen.firstEvents.push(first);
    const delivered = intact(text, answerTo(workload));
    seen.delivered += delivered;
    seen.expected += workload.tokens;
    if (failure !== undefined) seen.losses.push(failure);
    else if (delivered !== workload.tokens)
      seen.losses.push(`A run's text differs from the model's: ${text.length} characters`);
    else if (text.length !== workload.tokens * TOKEN_LENGTH)
      seen.losses.push("A run's text is longer than the model's.");
  };
  return { run, close: () => line.close() };
}

/** Returns the number of tokens of `text` before the first unexpected one. */
function intact(text: string, expected: string): number {
  if (text === expected) return expected.length / TOKEN_LENGTH;
  let index = 0;
  while (index < expected.length && text[index] === expected[index]) index += 1;
  return Math.floor(index / TOKEN_LENGTH);
}
