/** `<file>:<export>`: the name of a graph in a module. */

export interface GraphFile {
  readonly file: string;
  /** `undefined`: whichever export fits. */
  readonly exported: string | undefined;
}

/** Splits the name. A single letter before the colon is a drive. */
export function graphFile(graph: string): GraphFile {
  const colon = graph.lastIndexOf(":");
  return colon > 1
    ? { file: graph.slice(0, colon), exported: graph.slice(colon + 1) || undefined }
    : { file: graph, exported: undefined };
}
