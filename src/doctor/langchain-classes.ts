/** LangChain's classes, in each copy of LangChain that a graph may use. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { isRecord } from "../protocol/input.ts";
import { installedNear } from "./caller.ts";

export type Prototype = Record<string, unknown>;
export type Method = (this: object, ...args: unknown[]) => unknown;

/**
 * The prototypes of `classes` (class by module) in the copies that code in `file` may use. Call it after the file was
 * loaded, because some copies are known only then.
 */
export async function prototypesFor(file: string, classes: Readonly<Record<string, string>>): Promise<Set<Prototype>> {
  const require = createRequire(file);
  const found = new Set<Prototype>();
  const add = (module: unknown) => {
    for (const name of Object.values(classes)) {
      const made: unknown = isRecord(module) ? module[name] : undefined;
      if (typeof made === "function") found.add(made.prototype as Prototype);
    }
  };
  for (const path of Object.keys(require.cache).filter((path) => isLoaded(path, classes))) add(require(path));
  const users = [file, ...installedNear(file, "@langchain").map((folder) => join(folder, "package.json"))];
  const paths = users.flatMap((user) => Object.keys(classes).flatMap((name) => resolved(name, user) ?? []));
  for (const path of new Set(paths)) add(await import(pathToFileURL(path.replace(/\.cjs$/, ".js")).href));
  return found;
}

/** Replaces a method by `by`. The returned function restores the method. */
export function replaceMethod(
  prototype: object,
  name: string,
  by: (own: object, args: unknown[]) => unknown,
): () => void {
  const own = Object.getOwnPropertyDescriptor(prototype, name);
  const value = function (this: object, ...args: unknown[]) {
    return by(this, args);
  };
  Object.defineProperty(prototype, name, { value, configurable: true, writable: true });
  return () => {
    if (own) Object.defineProperty(prototype, name, own);
    else Reflect.deleteProperty(prototype, name);
  };
}

function isLoaded(path: string, classes: Readonly<Record<string, string>>): boolean {
  const [, within] = /[\\/]@langchain[\\/]core[\\/]dist[\\/](.*?)([\\/]index)?\.cjs$/.exec(path) ?? [];
  return within !== undefined && `@langchain/core/${within.replaceAll("\\", "/")}` in classes;
}

function resolved(name: string, from: string): string | undefined {
  try {
    return createRequire(from).resolve(name);
  } catch {
    return undefined; // It uses no LangChain of its own.
  }
}
