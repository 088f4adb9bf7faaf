/** Loads a module in JavaScript or TypeScript, ESM or CommonJS, as a project of its own would. */
import { existsSync, readdirSync, realpathSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, dirname, extname, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isRecord } from "../../protocol/input.ts";
import { whyItWasNotLoaded } from "./failure.ts";

const TYPESCRIPT = [".ts", ".mts", ".cts", ".tsx"];
const EXTENSIONS = [...TYPESCRIPT, ".js", ".mjs", ".cjs"];

/** The folder of Sluice's own modules, built or not. Their package says what they are, so they load without Node's hooks. */
const SLUICE = fileURLToPath(new URL("../../", import.meta.url));

/**
 * The exports of a module, by name. `file` is relative to `folder`.
 * @throws Error with one line on why it cannot be loaded.
 */
export async function loadModule(file: string, folder: string): Promise<Readonly<Record<string, unknown>>> {
  const path = resolve(folder, file);
  assertModule(file, path);
  try {
    if (TYPESCRIPT.includes(extname(path))) await understandTypeScript();
    if (!realpathSync(path).startsWith(SLUICE)) await import("./es-syntax.ts");
    // Loaded with `require`, because `import` loses the names of a CommonJS module's exports.
    if ([".cjs", ".cts"].includes(extname(path))) return namesOf(createRequire(path)(path));
    return exportsOf(await announced(import(pathToFileURL(path).href), file));
  } catch (error) {
    throw new Error(`${file} cannot be loaded: ${await whyItWasNotLoaded(error, path, folder)}`, { cause: error });
  }
}

/** A module that takes longer than this causes one warning: a top-level await in it may never end. */
const SLOW_MS = 10_000;

/**
 * Waits for `loading`, and emits a process warning when it takes long. It does not give up, because a module may
 * download much.
 */
export async function announced<T>(loading: Promise<T>, file: string): Promise<T> {
  // The timer also keeps the process alive, so that the warning appears before Node would end it.
  const slow = setTimeout(() => {
    process.emitWarning(
      `${file} is still loading after 10 s. Does a top-level await in it never end?`,
      "SluiceWarning",
    );
  }, SLOW_MS);
  try {
    return await loading;
  } finally {
    clearTimeout(slow);
  }
}

/** @throws Error when there is no such file, or it is no module. */
function assertModule(file: string, path: string): void {
  const stat = statSync(path, { throwIfNoEntry: false });
  if (stat?.isDirectory()) throw new Error(`${file} is a folder. Name the file in it that exports the graph.`);
  const extension = extname(path);
  if (extension === ".py") {
    throw new Error(`${file} is written in Python; Sluice serves graphs in JavaScript and TypeScript.`);
  }
  if (!stat) {
    const remedy = extension === "" ? ` Name a file and its export, like ./${basename(file)}.js:graph.` : "";
    throw new Error(`There is no ${basename(file)} in ${dirname(path)}.${similar(path) || remedy}`);
  }
  if (!EXTENSIONS.includes(extension)) {
    throw new Error(`${file} is no module that can be loaded: its name has to end in ${EXTENSIONS.join(", ")}.`);
  }
}

/** A file of the same name with another ending, which is the most common mistake. */
function similar(path: string): string {
  const folder = dirname(path);
  const stem = (name: string) => basename(name, extname(name)).toLowerCase();
  const found = existsSync(folder)
    ? readdirSync(folder).find((name) => EXTENSIONS.includes(extname(name)) && stem(name) === stem(path))
    : undefined;
  return found === undefined ? "" : ` Did you mean ${found}?`;
}

let typeScript: Promise<void> | undefined;

/** From here on this process loads TypeScript, wherever it is imported or required. */
function understandTypeScript(): Promise<void> {
  typeScript ??= (async () => {
    const [esm, cjs] = await Promise.all([import("tsx/esm/api"), import("tsx/cjs/api")]);
    cjs.register();
    esm.register();
  })();
  return typeScript;
}

/**
 * For a CommonJS module, Node gives `module.exports` as the default export, and the named exports that it could guess.
 */
function exportsOf(namespace: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  const { default: whole, "module.exports": _, ...named } = namespace;
  const isCommonJs = isPlain(whole) && Object.keys(named).every((name) => named[name] === whole[name]);
  return isCommonJs ? namesOf(whole) : { ...named, ...("default" in namespace ? { default: whole } : {}) };
}

function namesOf(exports: unknown): Readonly<Record<string, unknown>> {
  return isPlain(exports) ? { ...exports } : { default: exports };
}

/** Is this an object literal? Its class is compared by name, since it may come from another realm. */
function isPlain(value: unknown): value is Record<string, unknown> {
  if (!isRecord(value)) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || (prototype as object).constructor?.name === "Object";
}
