/** The parameters that a connection may give in its URL, the same for every transport. */
import { z } from "zod";
import { allowList } from "../graph/allow-list.ts";
import { eventPatterns, splitEvents } from "../protocol/allow-list-spec.ts";
import { speaksOne } from "../protocol/generations.ts";
import type { Topic } from "../protocol/ids.ts";
import { parseWith } from "../protocol/input.ts";
import { View } from "./view.ts";

const onOff = z
  .enum(["true", "false", "on", "off", "1", "0"], { error: "must be true or false" })
  .transform((value) => value === "true" || value === "on" || value === "1");

/** The parameters of one connection. */
export const narrowingQuery = z
  .object({
    events: z.string().transform(splitEvents).pipe(eventPatterns).optional(),
    tokens: onOff.default(true),
    reasoning: onOff.default(true),
    protocol: z.string().optional(),
    format: z.string().optional(),
  })
  // A frame of that format may contain reasoning and text together. They can be separated only before they are logged.
  .refine(({ format, reasoning }) => reasoning || format !== "langgraph", {
    path: ["reasoning"],
    error:
      "with the langgraph format, switch reasoning off for a run (forwardedProps.sluice.reasoning) or for an agent",
  });

export type Narrowing = z.infer<typeof narrowingQuery>;

/** @throws SluiceError `bad_request` that names the parameter. */
export function parseNarrowing(parameters: unknown): Narrowing {
  return parseWith(narrowingQuery, parameters, "query");
}

/** A fresh view of a topic; `announced` gives the protocol version that came with the client's last input, if any. */
export function viewFor(
  { events, tokens, reasoning, protocol }: Narrowing,
  announced: (() => string | undefined) | undefined,
  topic: Topic,
): View {
  return new View({
    topic,
    allowList: events && allowList({ events }),
    tokens,
    reasoning,
    speaksOne: () => speaksOne(protocol ?? announced?.()),
  });
}
