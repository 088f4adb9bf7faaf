/** `agui`: one bare AG-UI event a frame, byte for byte what SSE has after `data:`. */
import type { Format } from "./format.ts";

export const agui: Format = {
  graph: false,
  encode: ({ json }) => [json],
};
