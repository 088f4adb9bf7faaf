/** Graph events that have no AG-UI events of their own. */
import { type AguiEvent, EventType } from "../protocol/events.ts";
import type { GraphEvent } from "../protocol/graph-event.ts";
import { toJsonValue } from "../protocol/json.ts";
import { PLAIN } from "../protocol/plain-shape.ts";
import { publicData } from "../protocol/public-data.ts";
import type { PlaceRules } from "./rules.ts";

/** As far as the `langgraph` format would show it by default. */
export function otherEvents(event: GraphEvent, { tokens, reasoning, messages }: PlaceRules): AguiEvent[] {
  if (!tokens && event.event === "on_parser_stream") return [];
  // A parser's input is everything that a model said, as plain text of which no part can be left out.
  const silent = event.event.startsWith("on_parser_") && !(reasoning && messages);
  const data = silent ? {} : toJsonValue(publicData(event), PLAIN);
  return [{ type: EventType.CUSTOM, name: event.event, value: { name: event.name, data } }];
}
