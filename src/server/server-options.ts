/** The parts of the server, and the limits it keeps. Milliseconds and bytes throughout. */
import type { IncomingMessage } from "node:http";
import type { Counts } from "../counts/counts.ts";
import type { Registry } from "../graph/registry.ts";
import type { Limits } from "../limits/limits.ts";
import type { Principal } from "../runs/principal.ts";
import type { Visitor } from "../runs/visitor.ts";
import type { Tickets } from "../store/tickets.ts";
import type { Authenticator } from "./auth/authenticator.ts";
import type { ShareWatch } from "./auth/share-watch.ts";
import type { Door } from "./door.ts";
import type { OpenConnections } from "./open-connections.ts";
import type { Unread } from "./peer.ts";

/** The parts of the server, with the door that is made from them. */
export interface ServerOptions extends Housing {
  readonly door: Door;
}

export interface Housing {
  /** The access of a principal's request or socket to the runs. */
  readonly visitor: (principal: Principal, request: IncomingMessage) => Visitor;
  readonly authenticator: Authenticator;
  readonly tickets: Tickets;
  /** The share whose secret has this digest, with the id that the thread's owner gave it. */
  readonly sharedThread: (
    digest: string,
  ) => Promise<(NonNullable<Principal["share"]> & { readonly expiresAt?: number | undefined }) | undefined>;
  /** Ends the readers of shares that were revoked. */
  readonly shareWatch: ShareWatch;
  /** Requests that bring a cookie and change something need an `Origin`. */
  readonly cookies: boolean;
  readonly registry: Registry;
  readonly counts: Counts;
  readonly limits: Limits;
  /** Every open line is in it. */
  readonly connections: OpenConnections;
  /** Names this program to clients of `/agui/info`. */
  readonly version: string;
  /** The folder with the built playground. Without it, or if it does not exist, there is no playground. */
  readonly playground?: string | undefined;
  /** Serve LangGraph's own API too. */
  readonly langGraphApi: boolean;
  /** Serve the AI SDK's clients too. */
  readonly aiSdkApi: boolean;
  readonly allowedOrigins: readonly string[];
  /** Answer only requests to these host names and to those of allowed origins; `undefined`: to any. */
  readonly hosts: { readonly names: readonly string[]; readonly addresses: boolean } | undefined;
  /** Answer pages of the very host that is asked too. */
  readonly sameOrigin: boolean;
  readonly maxBodyBytes: number;
  readonly maxSockets: number;
  readonly heartbeatMs: number;
  readonly slowConsumerMs: number;
  /** Called when a client was cut because it did not read. */
  readonly slow: (transport: "websocket" | "sse", unread: Unread) => void;
  /** May new work come in? `false` while draining. */
  readonly ready: () => boolean;
  /** Aborts when the last run has ended. It ends the responses that would otherwise last as long as their clients. */
  readonly closed: AbortSignal;
  /** The engines that cannot store anything at the moment. */
  readonly unavailable: () => Promise<readonly string[]>;
  /** Called with an origin each time that it is refused. */
  readonly originRefused: (origin: string) => void;
  /** Called with errors that are not reported to clients. */
  readonly failed: (error: unknown, where: string) => void;
}
