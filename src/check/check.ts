/** `sluice check`: does a server keep the binding of docs/binding.md? */

import { findSluice } from "../doctor/place.ts";
import { Handshake } from "../doctor/socket.ts";
import { reasonOf } from "../doctor/trouble.ts";
import { questionInput } from "../protocol/question.ts";
import { bareProbes } from "./chapters/bare.ts";
import { frameProbes } from "./chapters/frames.ts";
import { positionProbe, responseProbes } from "./chapters/response.ts";
import { resumeProbes } from "./chapters/resume.ts";
import { slowProbe } from "./chapters/slow.ts";
import { type Probe, type Result, resultsOf } from "./findings.ts";
import { type Producer, readRun, typeOf } from "./producer.ts";
import { Unchecked } from "./unchecked.ts";

export interface Target {
  /** A Sluice's address, or that of any AG-UI endpoint. */
  readonly url: string;
  /** The address of a WebSocket that follows the binding. A Sluice's own is found without it. */
  readonly socket: string | undefined;
  readonly agent: string | undefined;
  readonly message: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Milliseconds that a run may take. */
  readonly timeoutMs: number;
}

export interface Finding {
  readonly endpoint: string;
  readonly socket: string | undefined;
  readonly results: readonly Result[];
}

/**
 * Checks a server, chapter by chapter. A server without positions offers no resuming, and a server without a WebSocket
 * offers no frames: neither is a fault.
 * @throws Unchecked when nobody answers, or when the first run, which the other checks build on, is refused or fails.
 */
export async function check(target: Target): Promise<Finding> {
  const producer = await producerAt(target);
  const input = questionInput(target.message);
  const run = await readRun(producer, input).catch((error: unknown) => {
    throw new Unchecked(reasonOf(error, producer.endpoint));
  });
  if (run.status !== 200) {
    const remedy = run.status === 401 ? ' Give it a sign-in: --header "Authorization: Bearer ...".' : "";
    throw new Unchecked(`A run was answered with ${run.status} ${run.body.slice(0, 200)}`.trim() + remedy);
  }
  if (typeOf(run.events.at(-1)?.json ?? "") === "RUN_ERROR") {
    throw new Unchecked(`The run failed, so its answer shows nothing: ${run.events.at(-1)?.json.slice(0, 200)}`);
  }
  const numbered = run.events.some(({ at }) => at !== undefined);
  const probes: Probe[] = [
    ...responseProbes(producer, input, run),
    ...(numbered ? [positionProbe(run), ...resumeProbes(producer)] : []),
    ...(producer.socket ? [...frameProbes(producer), ...bareProbes(producer)] : []),
    slowProbe(producer),
  ];
  const results = await resultsOf(probes, (error) => (error instanceof Handshake ? error.message : reasonOf(error)));
  return { endpoint: producer.endpoint.href, socket: producer.socket?.href, results };
}

async function producerAt({ url, socket, agent, message, headers, timeoutMs }: Target): Promise<Producer> {
  const place = await findSluice(new URL(url), agent, headers, AbortSignal.timeout(timeoutMs));
  const found = socket ?? place.socket;
  return {
    endpoint: new URL(place.endpoint),
    socket: found === undefined ? undefined : new URL(found),
    agent: place.sluice === place.endpoint ? agent : undefined,
    message,
    headers,
    timeoutMs,
  };
}
