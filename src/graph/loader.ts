/** Loads a graph that somebody wrote: `<file>:<export>`. */
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { isRecord } from "../protocol/input.ts";
import { messageOf } from "../protocol/redact.ts";
import type { ServedGraph } from "./source.ts";

/** `<file>:<export>` taken apart. A single letter before the colon is a drive. */
export function splitGraph(graph: string): [file: string, exported: string | undefined] {
  const colon = graph.lastIndexOf(":");
  return colon > 1 ? [graph.slice(0, colon), graph.slice(colon + 1)] : [graph, undefined];
}

/**
 * The compiled graph that a JavaScript module exports; its default export when none is named. `folder` is what the
 * file is relative to.
 * @throws Error with one line that says what the file does export.
 */
export async function loadGraph(graph: string, folder: string): Promise<ServedGraph> {
  const [file, exported = "default"] = splitGraph(graph);
  let loaded: Record<string, unknown>;
  try {
    loaded = (await import(pathToFileURL(resolve(folder, file)).href)) as Record<string, unknown>;
  } catch (error) {
    throw new Error(`${file} cannot be loaded: ${messageOf(error).split("\n")[0]}`, { cause: error });
  }
  const found = loaded[exported];
  if (isServedGraph(found)) return found;
  const names = Object.keys(loaded).join(", ") || "nothing";
  const what =
    found === undefined ? `${file} has no export "${exported}"` : `"${exported}" of ${file} is no compiled graph`;
  throw new Error(`${what}; it exports ${names}.`);
}

function isServedGraph(value: unknown): value is ServedGraph {
  return isRecord(value) && typeof value.streamEvents === "function";
}
