/** The bundled agents are an ordinary module: config/agents.json names the built file. */
import { existsSync, realpathSync } from "node:fs";
import { dirname, extname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { graphFile } from "../protocol/graph-file.ts";

/** The module that this process runs: the built file or the source file. */
const SHIPPED = fileURLToPath(new URL(`../agents/graphs${extname(import.meta.url)}`, import.meta.url));
const BUILT = resolve(dirname(SHIPPED), "../../dist/agents/graphs.js");

/** Is this one of the bundled agents? */
export function isShipped(graph: string, folder: string): boolean {
  const path = resolve(folder, graphFile(graph).file);
  return path === SHIPPED || (existsSync(path) && realpathSync(path) === SHIPPED);
}

/**
 * If Sluice runs from its source, its agents are loaded from the source too, because the built file may be older or
 * missing.
 */
export function asItRuns(graph: string, folder: string): string {
  const { file, exported } = graphFile(graph);
  return resolve(folder, file) === BUILT && BUILT !== SHIPPED ? `${SHIPPED}:${exported ?? ""}` : graph;
}
