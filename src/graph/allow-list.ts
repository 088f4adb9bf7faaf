/**
 * The allow-list: which graph events may leave. It checks every event, so it looks at the name first. A refused event
 * costs one set lookup: its `data` is never touched.
 */
import { type AllowListSpec, expandEventPattern, type Matcher } from "../protocol/allow-list-spec.ts";
import {
  GRAPH_EVENT_NAMES,
  type GraphEvent,
  type GraphEventName,
  nodeNames,
  nodePath,
} from "../protocol/graph-event.ts";

export interface AllowList {
  /** May this event leave? */
  admits(event: GraphEvent): boolean;
  /** May events of this name leave at all? */
  admitsName(name: GraphEventName): boolean;
  /**
   * May events leave from this event's place (its node, tags, run name and depth)? Says nothing about the event's name.
   */
  admitsPlace(event: GraphEvent): boolean;
  /** Does it ask which subagents an event is of? */
  readonly bySubagent: boolean;
  /** Returns a list that admits an event only if both this list and `spec` admit it. */
  narrow(spec: AllowListSpec | undefined): AllowList;
}

type Test = (event: GraphEvent) => boolean;

/** LangGraph's own tags for output that is not streamed: Python's, and LangGraph.js's `TAG_NOSTREAM`. */
export const HIDDEN_TAGS = ["nostream", "langsmith:nostream"];

/**
 * Reports whether the graph hides this event. `streamEvents` v2 ignores LangGraph's tags, so they are checked here.
 * AG-UI's own LangGraph adapter hides a model call by its metadata instead.
 */
export function isHidden(event: GraphEvent): boolean {
  if (HIDDEN_TAGS.some((tag) => event.tags.includes(tag))) return true;
  const { metadata } = event;
  const hides = metadata["emit-messages"] === false || metadata["copilotkit:emit-messages"] === false;
  return hides && isModelCall(event);
}

/** The list that admits every event that the graph does not hide. */
export const ADMIT_ALL: AllowList = compile(new Set(GRAPH_EVENT_NAMES), [(event) => !isHidden(event)], false);

/** Returns the allow-list that applies `spec` and no other spec. */
export function allowList(spec: AllowListSpec): AllowList {
  return ADMIT_ALL.narrow(spec);
}

function compile(names: ReadonlySet<GraphEventName>, places: readonly Test[], bySubagent: boolean): AllowList {
  const admitsPlace: Test = (event) => places.every((test) => test(event));
  return {
    admits: (event) => names.has(event.event) && admitsPlace(event),
    admitsName: (name) => names.has(name),
    admitsPlace,
    bySubagent,
    narrow(spec) {
      if (!spec) return this;
      const narrowed = spec.events
        ? new Set(spec.events.flatMap(expandEventPattern).filter((name) => names.has(name)))
        : names;
      return compile(narrowed, [...places, ...placeTests(spec)], bySubagent || spec.subagents !== undefined);
    },
  };
}

function placeTests(spec: AllowListSpec): Test[] {
  const tests: Test[] = [];
  const { nodes, tags, names, subagents, maxDepth, silentNodes } = spec;
  if (nodes?.exclude?.length || subagents || maxDepth !== undefined) tests.push((event) => !isUnplaced(event));
  if (nodes) tests.push((event) => matches(nodes, nodeNames(event)));
  if (silentNodes?.length)
    tests.push((event) => !isModelCall(event) || !nodeNames(event).some((node) => silentNodes.includes(node)));
  if (tags) tests.push((event) => matches(tags, event.tags));
  if (names) tests.push((event) => matches(names, [event.name]));
  if (subagents) tests.push(({ subagents: around = [] }) => around.every(({ name }) => subagents.includes(name)));
  if (maxDepth !== undefined) tests.push((event) => nodePath(event).length <= maxDepth);
  return tests;
}

/** A custom event always comes from a node. If it names none, it may come from any. */
function isUnplaced(event: GraphEvent): boolean {
  return event.event === "on_custom_event" && nodePath(event).length === 0;
}

function isModelCall({ event }: GraphEvent): boolean {
  return event.startsWith("on_chat_model_") || event.startsWith("on_llm_");
}

function matches(matcher: Matcher, values: readonly string[]): boolean {
  if (matcher.exclude?.some((value) => values.includes(value))) return false;
  return !matcher.include || matcher.include.some((value) => values.includes(value));
}
