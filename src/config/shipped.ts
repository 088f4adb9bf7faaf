/** The agents that ship are a module like anybody's: the built one, as config/agents.json names it. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { graphFile } from "../protocol/graph-file.ts";

/** The module as this process runs it: built, or in its source. */
const SHIPPED = fileURLToPath(new URL(`../agents/graphs${extname(import.meta.url)}`, import.meta.url));
const BUILT = resolve(dirname(SHIPPED), "../../dist/agents/graphs.js");

/** Is this one of the agents that ship? */
export function isShipped(graph: string, folder: string): boolean {
  const path = resolve(folder, graphFile(graph).file);
  return path === SHIPPED || (existsSync(path) && realpathSync(path) === SHIPPED);
}

/** Sluice that runs from its source serves its agents from there too: the built ones may be older, or missing. */
export function asItRuns(graph: string, folder: string): string {
  const { file, exported } = graphFile(graph);
  return resolve(folder, file) === BUILT && BUILT !== SHIPPED ? `${SHIPPED}:${exported ?? ""}` : graph;
}
