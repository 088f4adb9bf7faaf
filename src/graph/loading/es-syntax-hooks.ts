/** Runs beside the modules of a project, on Node's thread for that: a file in ESM syntax is ESM. */
import { readFileSync } from "node:fs";
import type { LoadHook } from "node:module";
import { fileURLToPath } from "node:url";
import { compileFunction } from "node:vm";

/**
 * Node itself decides by the package's `type`, which `npm init` sets to CommonJS. Without a `type` it guesses, and
 * warns.
 */
export const load: LoadHook = (url, context, nextLoad) =>
  nextLoad(
    url,
    mayBeMistaken(url, context.format) && hasModuleSyntax(url) ? { ...context, format: "module" } : context,
  );

function mayBeMistaken(url: string, format: string | null | undefined): boolean {
  return /^file:.*\.js$/.test(url) && !url.includes("/node_modules/") && format !== "module";
}

/** Node's error for such a file when it is compiled as CommonJS. */
const MODULE_SYNTAX =
  /^Cannot use import statement outside|^Unexpected token 'export'|^Cannot use 'import\.meta'|^await is only valid/;

function hasModuleSyntax(url: string): boolean {
  try {
    compileFunction(readFileSync(fileURLToPath(url), "utf8"));
    return false;
  } catch (error) {
    return MODULE_SYNTAX.test((error as Error).message);
  }
}
