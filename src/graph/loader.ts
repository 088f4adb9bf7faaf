/** Loads a graph from a module: `<file>:<export>`. */
import { graphFile } from "../protocol/graph-file.ts";
import { isRecord } from "../protocol/input.ts";
import { whyItThrew } from "./loading/failure.ts";
import { loadModule } from "./loading/module.ts";
import type { ServedGraph } from "./source.ts";

export interface LoadOptions {
  /** The folder that the graph's file, and the files in error messages, are relative to. */
  readonly folder: string;
  /** Given to a graph without its own checkpointer. A graph with `checkpointer: false` stays without one. */
  readonly checkpointer?: unknown;
}

/**
 * The graph that a module in JavaScript or TypeScript exports: a compiled graph, a StateGraph, an agent that LangChain's
 * `createAgent` made, or a function that returns one of these, sync or async. The function is called once, with
 * `{ configurable: {} }`. When no export is named, it is `default`, else `graph`, else the only one that fits.
 * @throws Error with one line that says what is wrong, and what the file does export.
 */
export async function loadGraph(graph: string, { folder, checkpointer }: LoadOptions): Promise<ServedGraph> {
  const { file, exported } = graphFile(graph);
  const exports = await loadModule(file, folder);
  const name = exported ?? fittingExport(file, exports);
  if (!Object.hasOwn(exports, name)) {
    throw new Error(`${file} has no export "${name}". ${whatItExports(exports)}`);
  }
  const label = `"${name}" of ${file}`;
  try {
    const found = await made(exports[name], label);
    lendCheckpointer(found, checkpointer);
    return found;
  } catch (error) {
    if (error instanceof NoGraph) throw new Error(`${error.message} ${REMEDY}`);
    const [failed, thrown] = error instanceof NotCompiled ? ["does not compile", error.cause] : ["threw", error];
    throw new Error(`${label} ${failed}: ${await whyItThrew(thrown, folder)}`, { cause: thrown });
  }
}

const REMEDY = "Export a compiled graph, a StateGraph, an agent, or a function that returns one.";

/**
 * Returns the graph of a value: a compiled graph, a StateGraph or an agent. `label` is its name in errors.
 * @throws Error with one line that says what it is instead.
 */
export function givenGraph(value: unknown, label: string): ServedGraph {
  return graphOf(value, `${label} is`);
}

/**
 * Gives a checkpointer to a graph without its own, as LangGraph's server does, until the returned function is called.
 * No other way makes the graph's own methods see it, and those of its subgraphs.
 */
export function lendCheckpointer(graph: Graph, checkpointer: unknown): () => void {
  const own = graph.checkpointer;
  if ((own ?? true) !== true || !checkpointer) return () => {};
  graph.checkpointer = checkpointer;
  return () => {
    graph.checkpointer = own;
  };
}

/** A compiled graph, or something that makes one. */
interface Graph extends ServedGraph {
  checkpointer?: unknown;
}

interface Builder {
  compile(): unknown;
}

interface Agent {
  readonly graph: Graph;
}

type Factory = (config: { readonly configurable: Record<string, never> }) => unknown;

class NoGraph extends Error {}

class NotCompiled extends Error {}

/** The graph that `value` is or makes. */
async function made(value: unknown, label: string): Promise<Graph> {
  const given = await value;
  if (!isFactory(given)) return graphOf(given, `${label} is`);
  return graphOf(await given({ configurable: {} }), `${label} returned`);
}

function graphOf(value: unknown, label: string): Graph {
  if (isGraph(value)) return value;
  if (isAgent(value)) return value.graph;
  const compiled = isBuilder(value) ? compile(value) : undefined;
  if (isGraph(compiled)) return compiled;
  throw new NoGraph(`${label} ${describe(value)}, not a graph.`);
}

function compile(builder: Builder): unknown {
  try {
    return builder.compile();
  } catch (cause) {
    throw new NotCompiled("", { cause });
  }
}

/**
 * A model streams events too, and is no graph. `instanceof` would not work: the file may use another copy of LangGraph.
 */
function isGraph(value: unknown): value is Graph {
  return isRecord(value) && value.lg_is_pregel === true && typeof value.streamEvents === "function";
}

function isBuilder(value: unknown): value is Builder {
  return isRecord(value) && typeof value.compile === "function" && typeof value.addNode === "function";
}

/** The shape that `createAgent` returns. Its graph is made to be served without it. */
function isAgent(value: unknown): value is Agent {
  return isRecord(value) && typeof value.streamEvents === "function" && isGraph(value.graph);
}

function fittingExport(file: string, exports: Readonly<Record<string, unknown>>): string {
  const names = Object.keys(exports);
  const graphs = names.filter((name) => [isGraph, isAgent, isBuilder, isPromise].some((is) => is(exports[name])));
  const fitting = graphs.length > 0 ? graphs : names.filter((name) => isFactory(exports[name]));
  const [only, ...others] = fitting;
  if (only === undefined) throw new Error(`${file} exports no graph. ${whatItExports(exports)}`);
  const chosen =
    ["default", "graph"].find((name) => fitting.includes(name)) ?? (others.length === 0 ? only : undefined);
  if (chosen !== undefined) return chosen;
  throw new Error(`${file} exports ${fitting.join(", ")}: say which, like ${file}:${only}`);
}

function whatItExports(exports: Readonly<Record<string, unknown>>): string {
  const label = Object.entries(exports).map(([name, value]) => `${name} (${describe(value)})`);
  return `It exports ${label.join(", ") || "nothing"}.`;
}

function describe(value: unknown): string {
  if (isGraph(value)) return "a graph";
  if (isAgent(value)) return "an agent";
  if (isBuilder(value)) return "a graph to compile";
  if (isPromise(value)) return "a promise";
  if (Array.isArray(value)) return "an array";
  if (isClass(value)) return "a class";
  if (value === null || value === undefined) return String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  const { name } = value.constructor ?? {};
  return name && name !== "Object" ? `an instance of ${name}` : "an object";
}

function isFactory(value: unknown): value is Factory {
  return typeof value === "function" && !isClass(value);
}

function isClass(value: unknown): boolean {
  return typeof value === "function" && /^class\b/.test(Function.prototype.toString.call(value));
}

function isPromise(value: unknown): boolean {
  return isRecord(value) && typeof value.then === "function";
}
