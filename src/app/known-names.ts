/**
 * Finds names in the agents' entries that their graphs do not have. A mistyped name would hide nothing, so the server
 * does not start. A tag causes only a warning, because code may set it during a run.
 */
import type { AgentEntry, AgentsFile } from "../config/agents.ts";
import { ConfigError } from "../config/config-error.ts";
import { type GraphNames, type Node, type Nodes, namesOf, pathsOf } from "../graph/names.ts";
import type { ServedGraph } from "../graph/source.ts";
import type { AllowListSpec } from "../protocol/allow-list-spec.ts";
import { acceptedInput } from "../protocol/steering.ts";

export interface Entry {
  readonly name: string;
  readonly entry: AgentEntry;
  readonly graph: ServedGraph;
}

/** A name in an entry, with its place and its kind. */
interface Mention {
  readonly at: string;
  readonly kind: "node" | "state key" | "tag";
  readonly said: string;
}

/**
 * Checks the nodes, state keys and tags that entries and filters name. A filter that several agents share may use the
 * names of any of them.
 * @returns sentences about tags that may be right.
 * @throws ConfigError for the first wrong name; it lists the names that exist.
 */
export function checkNames(entries: readonly Entry[], filters: AgentsFile["filters"] = {}): string[] {
  const known = entries.map((entry) => ({ ...entry, names: namesOf(entry.graph) }));
  const own = known.flatMap(({ name, entry, names }) =>
    mentionsOf(entry).flatMap((mention) => judge(`Agent ${name}, ${mention.at}`, mention, [names])),
  );
  const shared = Object.entries(filters).flatMap(([filter, spec]) => {
    const users = known.filter(({ entry }) => entry.filter === filter).map(({ names }) => names);
    return mentionsIn(spec, `filters.${filter}`).flatMap((mention) => judge(mention.at, mention, users));
  });
  return [...own, ...shared];
}

function mentionsOf({ nodes, state, accepts, filter }: AgentEntry): Mention[] {
  return [
    ...Object.keys(nodes).map((said) => ({ at: "nodes", kind: "node" as const, said })),
    ...state.map((said) => ({ at: "state", kind: "state key" as const, said })),
    ...acceptedInput(accepts).map((said) => ({ at: "accepts", kind: "state key" as const, said })),
    ...(typeof filter === "object" ? mentionsIn(filter, "filter") : []),
  ];
}

function mentionsIn({ nodes, tags, silentNodes = [] }: AllowListSpec, at: string): Mention[] {
  const mentions = (kind: Mention["kind"], field: string, names: readonly string[] = []) =>
    names.map((said) => ({ at: `${at}.${field}`, kind, said }));
  return [
    ...mentions("node", "nodes.include", nodes?.include),
    ...mentions("node", "nodes.exclude", nodes?.exclude),
    ...mentions("node", "silentNodes", silentNodes),
    ...mentions("tag", "tags.include", tags?.include),
    ...mentions("tag", "tags.exclude", tags?.exclude),
  ];
}

/** A graph whose names are unknown may have any name. */
function judge(at: string, { kind, said }: Mention, graphs: readonly (GraphNames | undefined)[]): string[] {
  const asked = graphs.filter((names) => names !== undefined);
  if (asked.length < graphs.length || asked.length === 0 || asked.some((names) => has[kind](names, said))) return [];
  const there = [...new Set(asked.flatMap((names) => list[kind](names)))];
  if (kind === "tag" && !there.some((tag) => isNear(tag, said))) {
    return [
      `${at}: the graph does not define the tag "${said}". Unless code sets this tag during a run, it filters nothing. The graph defines these tags: ${listed(there)}.`,
    ];
  }
  const path = kind === "node" && !said.includes("/") ? PATH_REMEDY : "";
  throw new ConfigError(`${at}: the graph has no ${kind} "${said}". It has: ${listed(there)}.${path}`);
}

const PATH_REMEDY =
  " If a node's code calls a graph, name the nodes of that graph by their path, such as research/writer.";

const has: Record<Mention["kind"], (names: GraphNames, said: string) => boolean> = {
  node: ({ nodes }, said) => (said.includes("/") ? leads(said.split("/"), nodes) : isAmong(said, nodes)),
  "state key": ({ stateKeys }, said) => stateKeys?.includes(said) ?? true,
  tag: ({ tags }, said) => tags.includes(said),
};

const list: Record<Mention["kind"], (names: GraphNames) => string[]> = {
  node: ({ nodes }) => pathsOf(nodes),
  "state key": ({ stateKeys = [] }) => [...stateKeys],
  tag: ({ tags }) => [...tags],
};

function isAmong(name: string, nodes: Nodes): boolean {
  return nodes.has(name) || [...nodes.values()].some((node) => isAmong(name, node.nodes));
}

/** Does the path exist? Below a node that is code, any path may exist. */
function leads([first = "", ...rest]: readonly string[], nodes: Nodes): boolean {
  const node: Node | undefined = nodes.get(first);
  if (!node || rest.length === 0) return node !== undefined;
  return !node.isGraph || leads(rest, node.nodes);
}

/** The most names that are listed. */
const MOST = 40;

function listed(names: readonly string[]): string {
  const more = names.length > MOST ? `, and ${names.length - MOST} more` : "";
  return `${names.slice(0, MOST).join(", ") || "none"}${more}`;
}

/**
 * Do two words differ only in case and in one letter, which is replaced, missing, doubled, or swapped with its
 * neighbour?
 */
function isNear(one: string, other: string): boolean {
  const [a, b] = [one.toLowerCase(), other.toLowerCase()];
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end) === b.at(-1 - end)) end++;
  const [left, right] = [a.slice(start, a.length - end), b.slice(start, b.length - end)];
  // `draft-1` and `draft-2` are meant to differ.
  if (/\d/.test(left + right)) return false;
  const swapped = left.length === 2 && right === `${left[1]}${left[0]}`;
  return swapped || (Math.max(left.length, right.length) <= 1 && Math.min(a.length, b.length) > 2);
}
