/** The agent, the thread and the transport in use. */
import { signal } from "@preact/signals";
import type { RunAgentInput } from "../../protocol/events.ts";
import type { Transport } from "../transport/transport.ts";

export interface AgentInfo {
  readonly name: string;
  readonly description?: string;
  readonly prompts?: readonly string[];
  /** The demo model answers, because there is no API key. */
  readonly demo?: boolean;
}

/** The page's own address, without query and hash: every path of the protocol is relative to it. */
export const base = new URL(".", globalThis.document?.baseURI ?? "http://127.0.0.1/");

export const agents = signal<readonly AgentInfo[]>([]);
/** The current agent's name. Empty until the agents are known. */
export const agent = signal("");
export const threadId = signal("");
/** The current line. */
export const transport = signal<Transport | undefined>(undefined);
/** The last request that started a run, and its agent: for "copy as curl" and the like. */
export const lastRun = signal<{ readonly agent: string; readonly input: RunAgentInput } | undefined>(undefined);
/** The page shows a shared thread, read-only. */
export const watching = signal(false);
/** Is a run active on the thread? */
export const running = signal(false);

/** Returns the secret of the share, if the page's address is a link to a shared thread. */
export function shareInHash(): string | undefined {
  return new URLSearchParams(location.hash.slice(1)).get("share") ?? undefined;
}
