/** Finds the principal of a request or a token. */
import type { IncomingMessage } from "node:http";
import type { Principal } from "../../runs/principal.ts";

export interface Authenticator {
  /**
   * The principal of a request.
   * @throws SluiceError `unauthorized` when there is none.
   */
  ofRequest(request: IncomingMessage): Promise<Principal>;
  /**
   * The principal of a token that came over the socket which `request` opened.
   * @throws SluiceError `unauthorized` when it is not valid.
   */
  ofToken(token: string, request: IncomingMessage): Promise<Principal>;
  /** May a socket of the frames format be opened before it signs in, and send its token in an `auth` frame? */
  readonly later: boolean;
}
