/** `tanstack`: AG-UI events in envelopes with the positions from which TanStack AI's `webSocket()` resumes. */
import { formatCursor } from "../../protocol/cursor.ts";
import type { Format } from "./format.ts";

/** If several events have one position, only the first is sent with it: the client skips a second one as known. */
export function tanstackFormat(): Format {
  let last: string | undefined;
  return {
    graph: false,
    encode({ json, cursor }) {
      const id = cursor && formatCursor(cursor);
      if (id === undefined || id === last) return [json];
      last = id;
      return [`{"id":"${id}","chunk":${json}}`];
    },
  };
}
