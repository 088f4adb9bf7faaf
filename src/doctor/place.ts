/** Finds out what kind of server an address belongs to, and where it streams. */
import { isRecord } from "../protocol/input.ts";
import { ask, wholeBody } from "./http.ts";

export interface Place {
  /** The address that the question is sent to. */
  readonly endpoint: string;
  /** The streaming endpoint of the Sluice that was found there, or elsewhere on the same host. */
  readonly sluice?: string | undefined;
  /** The WebSocket of the Sluice that the question goes to. */
  readonly socket?: string | undefined;
  readonly agents?: readonly string[] | undefined;
}

type Headers = Readonly<Record<string, string>>;

const LOOK_MS = 3_000;

/**
 * An address may be a Sluice's own, as its greeting says, one of its endpoints, or any AG-UI endpoint. A Sluice is
 * recognized by its list of agents. Any other server is asked at the given address. The address's query narrows what a
 * client gets, so it stays.
 */
export async function findSluice(
  target: URL,
  agent: string | undefined,
  headers: Headers,
  signal: AbortSignal,
): Promise<Place> {
  const http = new URL(target);
  http.protocol = target.protocol.replace(/^ws/, "http");
  const base = http.href.replace(/[?#].*$/, "").replace(/\/(?:agui(?:\/.*)?|ws)?$/, "");
  const agents = await agentsAt(base, headers, signal);
  if (agents) {
    const named = /\/agui\/agent\/([^/]+)\/run$/.exec(http.pathname)?.[1];
    const path = agent === undefined ? named : encodeURIComponent(agent);
    const { search } = target;
    const endpoint = path === undefined ? `${base}/agui${search}` : `${base}/agui/agent/${path}/run${search}`;
    return { endpoint, sluice: endpoint, socket: `${base.replace(/^http/, "ws")}/ws${search}`, agents };
  }
  const elsewhere = http.origin === base ? undefined : await agentsAt(http.origin, headers, signal);
  return { endpoint: http.href, ...(elsewhere ? { sluice: `${http.origin}/agui`, agents: elsewhere } : {}) };
}

async function agentsAt(base: string, headers: Headers, signal: AbortSignal): Promise<string[] | undefined> {
  try {
    const limit = AbortSignal.any([signal, AbortSignal.timeout(LOOK_MS)]);
    const answer = await ask(new URL(`${base}/agui/info`), { accept: "application/json", headers, signal: limit });
    if (answer.status !== 200) return undefined;
    const info: unknown = JSON.parse(await wholeBody(answer));
    if (!isRecord(info) || !isRecord(info.agents)) return undefined;
    // CopilotKit's runtime answers in the same form, at any path with this ending.
    const served = Object.values(info.agents).every((agent) => isRecord(agent) && agent.className === "Sluice");
    return served ? Object.keys(info.agents) : undefined;
  } catch {
    return undefined; // No server answers there, or it does not know the route, so it is no Sluice.
  }
}
