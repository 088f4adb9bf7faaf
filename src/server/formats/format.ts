/** A format turns events into frames. It is made for one connection, and may remember what it has sent. */
import type { Outgoing } from "../view.ts";

export interface Format {
  /** Does it read the graph topic rather than the AG-UI one? */
  readonly graph: boolean;
  /** The frames for an event: usually one. */
  encode(out: Outgoing): string[];
  /** Its frames are AG-UI's events, so an event that no log holds may be among them. */
  readonly agui?: boolean;
  /** Clients know its frames by their positions, so frames are not joined for a slow reader. */
  readonly apart?: boolean;
  /** Notes an event that its reader has had already, for formats whose frames depend on earlier ones. */
  remember?(out: Outgoing): void;
}
