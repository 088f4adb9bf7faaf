/** A projection as a format: `text/event-stream` frames that name their events, as LangGraph's clients read them. */
import { formatCursor } from "../../protocol/cursor.ts";
import type { AguiEvent } from "../../protocol/events.ts";
import type { Format } from "../formats/format.ts";
import type { Outgoing } from "../view.ts";
import type { LangGraphFrame, RunProjection } from "./projection.ts";

/**
 * Only an entry's last frame carries its position. A client that is cut off before that frame gets all frames of the
 * entry again.
 */
export function runFormat(projection: RunProjection): Format {
  return {
    graph: false,
    remember: (out) => void frames(projection, out),
    encode(out) {
      const made = frames(projection, out);
      const id = out.cursor ? `id: ${formatCursor(out.cursor)}\n` : "";
      return made.map((frame, index) => `${index === made.length - 1 ? id : ""}${sse(frame)}`);
    },
  };
}

/** The same for an answer that does not stream: it sends no frames, and the projection keeps the result. */
export function silentFormat(projection: RunProjection): Format {
  return {
    graph: false,
    encode(out) {
      frames(projection, out);
      return [];
    },
  };
}

function frames(projection: RunProjection, { json, node }: Outgoing): LangGraphFrame[] {
  return projection.push(JSON.parse(json) as AguiEvent, node);
}

function sse({ event, data }: LangGraphFrame): string {
  return `event: ${event}\ndata: ${JSON.stringify(data)}\n\n`;
}
