/** `agui`: one bare AG-UI event a frame, exactly the bytes after `data:` in SSE. */
import type { Format } from "./format.ts";

export const agui: Format = {
  graph: false,
  encode: ({ json }) => [json],
};
