/** An address of WebSockets. */
import type { SocketPlace } from "../limits/limits.ts";
import type { Dialogue } from "./dialogue.ts";
import type { Upgrade } from "./upgrades.ts";
import type { WsPeer } from "./ws-peer.ts";

/** Begins the dialogue of a socket that has opened. */
export type Opening = (peer: WsPeer) => Dialogue;

export interface SocketRoute {
  /** Below the address of all routes. */
  readonly path: string;
  /** The formats of its conversations, for the operator. */
  readonly formats: readonly string[];
  /** A final refusal opens the socket and closes it with the error's code, because browsers hide the HTTP status. */
  readonly closesWithReason?: boolean;
  /**
   * Makes all checks before the handshake, while an error can still be an HTTP response.
   * @throws SluiceError
   */
  readonly admit: (upgrade: Upgrade, place: SocketPlace) => Promise<Opening>;
}
