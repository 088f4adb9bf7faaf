import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** A Markdown document that `search_docs` can find things in. */
export interface SourceDocument {
  /** What an answer cites: a file name such as `README.md`. */
  readonly source: string;
  /** The whole Markdown text. */
  readonly text: string;
}

const FILES = ["README.md", "PROTOCOL.md", "ARCHITECTURE.md"];

/**
 * Reads the documents that ship with the package. A missing file is skipped, since an installation may leave some out.
 *
 * @param root - the package's root directory
 * @throws any other read error (a directory in place of a file, no permission)
 */
export async function loadDocuments(root: string): Promise<SourceDocument[]> {
  const documents = await Promise.all(FILES.map((source) => load(root, source)));
  return documents.filter((document) => document !== undefined);
}

async function load(root: string, source: string): Promise<SourceDocument | undefined> {
  try {
    return { source, text: await readFile(join(root, source), "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}
