/** AG-UI events as `text/event-stream` frames, each with its cursor as id. */
import { formatCursor } from "../../protocol/cursor.ts";
import { sseFrame } from "../sse-peer.ts";
import type { Format } from "./format.ts";

export const sse: Format = {
  graph: false,
  agui: true,
  encode: ({ json, cursor }) => [sseFrame(json, cursor && formatCursor(cursor))],
};
