/** `<file>:<export>`: how a graph in somebody's module is written down. */

export interface GraphFile {
  readonly file: string;
  /** `undefined`: whichever export fits. */
  readonly exported: string | undefined;
}

/** Takes it apart. A single letter before the colon is a drive. */
export function graphFile(graph: string): GraphFile {
  const colon = graph.lastIndexOf(":");
  return colon > 1
    ? { file: graph.slice(0, colon), exported: graph.slice(colon + 1) || undefined }
    : { file: graph, exported: undefined };
}
