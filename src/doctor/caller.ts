/** Finds the line of the author's own code that is running now. */
import { readdirSync } from "node:fs";
import { dirname, join, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

/** Chains of LangChain take many frames between a node and its model. */
const FRAMES = 100;
const OWN = dirname(fileURLToPath(import.meta.url)) + sep;

/**
 * `graph.ts:12:8`, relative to the folder the doctor was started in: the innermost line on the stack that belongs to no
 * package, to Node or to the doctor. `undefined` where there is none.
 */
export function caller(): string | undefined {
  const limit = Error.stackTraceLimit;
  Error.stackTraceLimit = FRAMES;
  const lines = (new Error().stack ?? "").split("\n").slice(1);
  Error.stackTraceLimit = limit;
  return lines.map(ownPlace).find((place) => place !== undefined);
}

function ownPlace(line: string): string | undefined {
  const [, where = "", position = ""] =
    /(?:\(|at (?:async )?)((?:file:\/\/|\/|[A-Za-z]:\\).+?)(:\d+:\d+)\)?$/.exec(line) ?? [];
  if (where === "" || /[\\/]node_modules[\\/]/.test(where)) return undefined;
  const file = where.startsWith("file:") ? fileURLToPath(where.replace(/\?.*$/, "")) : where;
  return file.startsWith(OWN) ? undefined : `${relative(process.cwd(), file)}${position}`;
}

/** Folders of installed packages of one scope that code in `file` may use, the nearest first. */
export function installedNear(file: string, scope: string): string[] {
  const found: string[] = [];
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const packages = join(folder, "node_modules", scope);
    found.push(...namesIn(packages).map((name) => join(packages, name)));
    if (dirname(folder) === folder) return found;
  }
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // Most folders have no packages of their own.
  }
}
