/** Holds a source tree against the rules of the house. Pure: the tree is handed in, so a test can hand in a bad one. */
import { posix } from "node:path";

/** Path below src -> content. */
export type Tree = ReadonlyMap<string, string>;

export interface Rules {
  /** Room (a folder of src, or a file in src itself) -> the rooms it may import. Its own room always is allowed. */
  mayImport: Readonly<Record<string, readonly string[]>>;
  /** File -> the rooms that may import it, where not all that may import its room may. */
  onlyFor: Readonly<Record<string, readonly string[]>>;
  /** The one room that reads process.env. */
  readsEnv: string;
  maxLines: number;
  /** Names that say nothing about what is inside, without extension. */
  emptyNames: RegExp;
  /** Paths that may have such a name. */
  namesAllowed: readonly string[];
}

/** One line for each broken rule, in the tree's order. */
export function violations(tree: Tree, rules: Rules): string[] {
  return [...tree].flatMap(([path, source]) => {
    const code = withoutComments(source);
    return [
      ...imports(path, code, rules),
      ...env(path, code, rules),
      ...size(path, source, rules),
      ...name(path, rules),
    ];
  });
}

function imports(path: string, code: string, { mayImport, onlyFor }: Rules): string[] {
  const from = room(path);
  const allowed = mayImport[from];
  if (!allowed) return [`${path}: ${from} is no room of the house`];
  return importedPaths(path, code)
    .filter(
      (target) =>
        room(target) !== from && !(allowed.includes(room(target)) && (onlyFor[target] ?? [from]).includes(from)),
    )
    .map((target) => `${path}: ${from} may not import ${target}`);
}

function env(path: string, code: string, { readsEnv }: Rules): string[] {
  const reads = /\bprocess(\?\.|\.|\[["'`])env\b|\benv\b[^;]*(=\s*|from\s*["'](node:)?)process\b(?!\s*[.[(])/.test(
    code,
  );
  return reads && room(path) !== readsEnv ? [`${path}: process.env is read only in ${readsEnv}`] : [];
}

function size(path: string, source: string, { maxLines }: Rules): string[] {
  const lines = source.replace(/\n$/, "").split("\n").length;
  return lines > maxLines ? [`${path}: ${lines} lines, ${maxLines} at most`] : [];
}

function name(path: string, { emptyNames, namesAllowed }: Rules): string[] {
  const empty = path.split("/").filter((segment) => emptyNames.test(segment.replace(/\..*$/, "")));
  return namesAllowed.includes(path) ? [] : empty.map((segment) => `${path}: ${segment} says nothing as a name`);
}

/** Static and dynamic imports, re-exports and `import("...")` types; type-only ones count too. */
function importedPaths(path: string, code: string): string[] {
  const specifiers = code.matchAll(/\b(?:from|import)\s*\(?\s*(["'`])(\.{1,2}\/[^"'`]*)\1/g);
  return [...specifiers].map(([, , specifier = ""]) => posix.join(posix.dirname(path), specifier));
}

function room(path: string): string {
  return path.split("/", 1)[0] ?? path;
}

/** Only whole lines: an import in the text of a comment is none. */
function withoutComments(source: string): string {
  return source.replace(/^\s*(?:\/\/|\/\*|\*).*$/gm, "");
}
