/** Finds out what kind of server an address belongs to, and where it streams. */
import { isRecord } from "../protocol/input.ts";
import { ask, wholeBody } from "./http.ts";

export interface Place {
  /** Where the question goes. */
  readonly endpoint: string;
  /** Where the Sluice streams that was found there, or elsewhere at the same host. */
  readonly sluice?: string | undefined;
  /** The WebSocket of the Sluice that the question goes to. */
  readonly socket?: string | undefined;
  readonly agents?: readonly string[] | undefined;
}

const LOOK_MS = 3_000;

/**
 * An address may be a Sluice's own, as its greeting says, one of its endpoints, or any AG-UI endpoint. A Sluice is known
 * by its list of agents; whoever has none is asked at the very address.
 */
export async function findSluice(target: URL, agent: string | undefined, signal: AbortSignal): Promise<Place> {
  const http = new URL(target);
  http.protocol = target.protocol.replace(/^ws/, "http");
  const base = http.href.replace(/[?#].*$/, "").replace(/\/(?:agui(?:\/.*)?|ws)?$/, "");
  const agents = await agentsAt(base, signal);
  if (agents) {
    const named = /\/agui\/agent\/([^/]+)\/run$/.exec(http.pathname)?.[1];
    const path = agent === undefined ? named : encodeURIComponent(agent);
    const endpoint = path === undefined ? `${base}/agui` : `${base}/agui/agent/${path}/run`;
    return { endpoint, sluice: endpoint, socket: `${base.replace(/^http/, "ws")}/ws`, agents };
  }
  const socket = target.protocol === http.protocol ? undefined : target.href;
  const elsewhere = http.origin === base ? undefined : await agentsAt(http.origin, signal);
  return { endpoint: http.href, socket, ...(elsewhere ? { sluice: `${http.origin}/agui`, agents: elsewhere } : {}) };
}

async function agentsAt(base: string, signal: AbortSignal): Promise<string[] | undefined> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
    const answer = await ask(new URL(`${base}/agui/info`), { accept: "application/json", signal: limit });
    if (answer.status !== 200) return undefined;
    const info: unknown = JSON.parse(await wholeBody(answer));
    return isRecord(info) && isRecord(info.agents) ? Object.keys(info.agents) : undefined;
  } catch {
    return undefined; // Nobody there, or nobody who knows what was asked: no Sluice.
  }
}
