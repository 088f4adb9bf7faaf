/**
 * The names that a graph can be asked for: its nodes, its state's keys, and the tags that hang on what its nodes are made
 * of. Code in a node may call other graphs and set other tags, which nobody knows before it runs.
 */
import { isRecord } from "../protocol/input.ts";
import { HIDDEN_TAGS } from "./allow-list.ts";
import type { ServedGraph } from "./source.ts";

/** The nodes of a graph by name, each with those of the graph that it is or has. */
export interface Nodes extends ReadonlyMap<string, Node> {}

export interface Node {
  readonly nodes: Nodes;
  /** The node is a graph and no code: all that lies below it is in `nodes`. */
  readonly isGraph: boolean;
}

export interface GraphNames {
  readonly nodes: Nodes;
  /** `undefined`: its state is one value, whose keys are not known. */
  readonly stateKeys: readonly string[] | undefined;
  readonly tags: readonly string[];
}

/** `undefined` for a graph that cannot be asked, such as one that runs on another server. */
export function namesOf(graph: ServedGraph): GraphNames | undefined {
  const { nodes } = graph as { readonly nodes?: unknown };
  if (!isRecord(nodes)) return undefined;
  return { nodes: nodesOf(graph), stateKeys: stateKeysOf(graph), tags: [...HIDDEN_TAGS, ...tagsOf(nodes)] };
}

/** Every node, by its path from the top. */
export function pathsOf(nodes: Nodes): string[] {
  return [...nodes].flatMap(([name, node]) => [name, ...pathsOf(node.nodes).map((path) => `${name}/${path}`)]);
}

/** The node where LangGraph puts a graph's input; it is none of the author's. */
const START = "__start__";
/** Channels of LangGraph's own are called so: `__start__`, `branch:to:writer`, `join:a+b:c`. */
const OWN_CHANNEL = /^__|:/;

function nodesOf(graph: object): Nodes {
  const { nodes } = graph as { readonly nodes?: unknown };
  const named = Object.entries(isRecord(nodes) ? nodes : {}).filter(([name]) => name !== START);
  return new Map(named.map(([name, node]) => [name, asNode(node)]));
}

function asNode(node: unknown): Node {
  if (!isRecord(node)) return { nodes: new Map(), isGraph: false };
  const { bound, subgraphs } = node;
  const declared = Array.isArray(subgraphs) ? (subgraphs as unknown[]) : [];
  const found = [bound, ...declared].flatMap(graphsIn);
  return { nodes: new Map(found.flatMap((graph) => [...nodesOf(graph)])), isGraph: found[0] === bound };
}

/** The graphs that a runnable consists of. */
function graphsIn(runnable: unknown): object[] {
  if (!isRecord(runnable)) return [];
  if (runnable.lg_is_pregel === true) return [runnable];
  return Array.isArray(runnable.steps) ? (runnable.steps as unknown[]).flatMap(graphsIn) : [];
}

/** `undefined`: its state is one value, whose keys are not known. */
export function stateKeysOf(graph: object): string[] | undefined {
  const { streamChannels, channels } = graph as { readonly streamChannels?: unknown; readonly channels?: unknown };
  if (!Array.isArray(streamChannels)) return undefined;
  const all = Object.keys(isRecord(channels) ? channels : {}).filter((name) => !OWN_CHANNEL.test(name));
  return [...new Set([...(streamChannels as string[]), ...all])];
}

/** So many objects hang on a node's parts at most; one may lead to a whole program. */
const MOST_OBJECTS = 20_000;

/**
 * The tags in the lists called `tags` on all that can be reached from `value`. The inside of a function cannot be
 * reached.
 */
function tagsOf(value: object): string[] {
  const tags = new Set<string>();
  const seen = new Set<object>([value]);
  for (const object of seen) {
    for (const [name, { value: inner }] of Object.entries(Object.getOwnPropertyDescriptors(object))) {
      if (typeof inner !== "object" || inner === null || ArrayBuffer.isView(inner)) continue;
      if (name === "tags" && Array.isArray(inner)) for (const tag of inner) if (typeof tag === "string") tags.add(tag);
      if (seen.size < MOST_OBJECTS) seen.add(inner);
    }
  }
  return [...tags];
}
