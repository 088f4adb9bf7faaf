/** An address of WebSockets. */
import type { SocketPlace } from "../limits/limits.ts";
import type { Conversation } from "./conversation.ts";
import type { Upgrade } from "./upgrades.ts";
import type { WsPeer } from "./ws-peer.ts";

/** Begins the conversation of a socket that has opened. */
export type Opening = (peer: WsPeer) => Conversation;

export interface SocketRoute {
  /** Below the address of all routes. */
  readonly path: string;
  /** The formats of its conversations, for the operator. */
  readonly formats: readonly string[];
  /** A final refusal opens the socket and closes it with the error's code, since browsers hide that of HTTP. */
  readonly closesWithReason?: boolean;
  /**
   * Everything that can be wrong is found here, before the handshake, where HTTP can still say so.
   * @throws SluiceError
   */
  readonly admit: (upgrade: Upgrade, place: SocketPlace) => Promise<Opening>;
}
