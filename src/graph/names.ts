/**
 * The names that a graph reports: its nodes, its state's keys, and the tags on the parts of its nodes. Code in a node
 * may call other graphs and set other tags. They are not known before the code runs.
 */
import { isRecord } from "../protocol/input.ts";
import { HIDDEN_TAGS } from "./allow-list.ts";
import type { ServedGraph } from "./source.ts";

/** The nodes of a graph by name, each with the nodes of the graphs inside it. */
export interface Nodes extends ReadonlyMap<string, Node> {}

export interface Node {
  readonly nodes: Nodes;
  /** The node is a graph, not code: `nodes` has everything below it. */
  readonly isGraph: boolean;
}

export interface GraphNames {
  readonly nodes: Nodes;
  /** `undefined`: its state is one value, whose keys are not known. */
  readonly stateKeys: readonly string[] | undefined;
  readonly tags: readonly string[];
}

/** Returns a graph's names, or `undefined` for a graph that does not report them, such as one on another server. */
export function namesOf(graph: ServedGraph): GraphNames | undefined {
  const { nodes } = graph as { readonly nodes?: unknown };
  if (!isRecord(nodes)) return undefined;
  return { nodes: nodesOf(graph), stateKeys: stateKeysOf(graph), tags: [...HIDDEN_TAGS, ...tagsOf(nodes)] };
}

/** Every node, by its path from the top. */
export function pathsOf(nodes: Nodes): string[] {
  return [...nodes].flatMap(([name, node]) => [name, ...pathsOf(node.nodes).map((path) => `${name}/${path}`)]);
}

/** The node where LangGraph puts a graph's input. The author did not write it. */
const START = "__start__";
/** Matches the names of LangGraph's own channels: `__start__`, `branch:to:writer`, `join:a+b:c`. */
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

/** The most objects that are searched for tags, because one object may lead to a whole program. */
const MOST_OBJECTS = 20_000;

/**
 * The tags in the lists named `tags` on every object that can be reached from `value`. Variables inside a function
 * cannot be reached.
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
