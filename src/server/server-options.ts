/** What the server is made of and the limits it keeps. Milliseconds and bytes throughout. */
import type { IncomingMessage } from "node:http";
import type { Counts } from "../counts/counts.ts";
import type { Registry } from "../graph/registry.ts";
import type { Limits } from "../limits/limits.ts";
import type { Requester } from "../runs/handle.ts";
import type { Visitor } from "../runs/visitor.ts";

export interface ServerOptions {
  /** What an admitted request or socket does everything through. */
  readonly visitor: (requester: Requester) => Visitor;
  readonly registry: Registry;
  readonly counts: Counts;
  readonly limits: Limits;
  /** Names this program to clients of `/agui/info`. */
  readonly version: string;
  /** The folder with the built playground; without one there is none. A folder that is not there is none either. */
  readonly playground?: string | undefined;
  readonly allowedOrigins: readonly string[];
  /** Answer only requests to these host names and to those of allowed origins; `undefined`: to any. */
  readonly hosts: { readonly names: readonly string[]; readonly addresses: boolean } | undefined;
  /** Answer pages of the very host that is asked too, whatever its name. */
  readonly sameOrigin: boolean;
  /** Rejects with what to answer to a request that may not come in. */
  readonly authorize: (request: IncomingMessage) => Promise<void>;
  readonly maxBodyBytes: number;
  readonly maxSockets: number;
  readonly heartbeatMs: number;
  readonly slowConsumerMs: number;
  /** May new work come in? `false` while draining. */
  readonly ready: () => boolean;
  /** Aborts when the last run has ended: what would go on for as long as its client stays ends as well. */
  readonly closed: AbortSignal;
  /** Can what is said be kept? `false` while the storage fails. */
  readonly writable: () => Promise<boolean>;
  /** Hears of errors that clients are told nothing about. */
  readonly failed: (error: unknown, where: string) => void;
}
