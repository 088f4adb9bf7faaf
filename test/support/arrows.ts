/** Checks a source tree against the architecture rules. The tree is an argument, so a test can pass a bad one. */
import { posix } from "node:path";

/** The content of each file, by its path below src. */
export type Tree = ReadonlyMap<string, string>;

export interface Rules {
  /**
   * The rooms that each room may import. A room is a folder of src, or a file in src itself; it may always import
   * itself.
   */
  mayImport: Readonly<Record<string, readonly string[]>>;
  /** The rooms that may import a file, for files with stricter rules than their room. */
  onlyFor: Readonly<Record<string, readonly string[]>>;
  /** The one room that reads process.env. */
  readsEnv: string;
  maxLines: number;
  /** File names, without extension, that do not describe the content. */
  emptyNames: RegExp;
  /** The paths that may have such a name. */
  namesAllowed: readonly string[];
}

/** Returns one line for each broken rule, in the tree's order. */
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

/**
 * Returns the paths of static and dynamic imports, re-exports and `import("...")` types, including type-only imports.
 */
function importedPaths(path: string, code: string): string[] {
  const specifiers = code.matchAll(/\b(?:from|import)\s*\(?\s*(["'`])(\.{1,2}\/[^"'`]*)\1/g);
  return [...specifiers].map(([, , specifier = ""]) => posix.join(posix.dirname(path), specifier));
}

function room(path: string): string {
  return path.split("/", 1)[0] ?? path;
}

/** Removes comment lines, because an import in a comment does not count. */
function withoutComments(source: string): string {
  return source.replace(/^\s*(?:\/\/|\/\*|\*).*$/gm, "");
}
