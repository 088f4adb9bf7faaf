/** The reason why a module could not be loaded, in one line for its author: what happened, and where. */
import { execFile } from "node:child_process";
import { dirname, extname, isAbsolute, relative, resolve, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { isRecord } from "../../protocol/input.ts";
import { messageOf } from "../../protocol/redact.ts";

/** A line of a file; the path is absolute. */
interface Place {
  readonly path: string;
  readonly line: string;
}

/** The error that loading the module at `path` threw. Other files are named relative to `folder`. */
export async function whyItWasNotLoaded(thrown: unknown, path: string, folder: string): Promise<string> {
  return missing(thrown, path, folder) ?? notCompiled(thrown, path, folder) ?? (await whyItThrew(thrown, folder, path));
}

/** An error's message, and where in somebody's own files it comes from. */
export async function whyItThrew(thrown: unknown, folder: string, path?: string): Promise<string> {
  const stack = isRecord(thrown) ? String(thrown.stack) : "";
  const place = ownPlace(stack);
  const hidden = place ? undefined : hiddenSyntaxError(thrown, path);
  const found = hidden === undefined ? undefined : await compiled(hidden);
  return sentence(found ?? { message: firstLine(thrown), place }, folder);
}

interface Failure {
  readonly message: string;
  readonly place: Place | undefined;
}

function sentence({ message, place }: Failure, folder: string): string {
  return place ? `${message} (${relative(folder, place.path)}:${place.line})` : message;
}

function firstLine(thrown: unknown): string {
  return messageOf(thrown).split("\n", 1)[0] ?? "";
}

/** Describes a missing module that the module at `path`, or one of its imports, imports. */
function missing(thrown: unknown, path: string, folder: string): string | undefined {
  if (!isRecord(thrown) || !["ERR_MODULE_NOT_FOUND", "MODULE_NOT_FOUND"].includes(String(thrown.code)))
    return undefined;
  const [, what, from] =
    /^Cannot find (?:package|module) '([^']+)'(?: imported from (.+))?/.exec(firstLine(thrown)) ?? [];
  if (what === undefined) return undefined;
  const [required] = Array.isArray(thrown.requireStack) ? (thrown.requireStack as unknown[]) : [];
  const importer = from ?? (typeof required === "string" ? required : path);
  const by = relative(folder, importer);
  if (isAbsolute(what) || what.startsWith(".")) {
    return `${by} imports ${relative(folder, resolve(dirname(importer), what))}, which is not there.`;
  }
  const [name] = /^(?:@[\w.~-]+\/)?[\w.~-]+/.exec(what) ?? [];
  return name === undefined
    ? `${by} imports ${what}, which is neither a file nor a package.`
    : `${by} imports the package ${name}, which is not installed: npm install ${name}`;
}

/** The compiler of TypeScript has the place in its message. It calls every file `.ts`. */
function notCompiled(thrown: unknown, path: string, folder: string): string | undefined {
  const [, file, line, message] = /^(.+):(\d+):\d+: ERROR: (.+)$/m.exec(messageOf(thrown)) ?? [];
  if (!file || !line || !message) return undefined;
  const stem = (name: string) => name.slice(0, -extname(name).length);
  return sentence({ message, place: { path: stem(file) === stem(path) ? path : file, line } }, folder);
}

const OWN_FOLDER = dirname(dirname(dirname(fileURLToPath(import.meta.url)))) + sep;

/** The first line of a stack that is in somebody's own files. Node puts the place of some syntax errors at its head. */
function ownPlace(stack: string): Place | undefined {
  for (const text of stack.split("\n")) {
    const [, file, line] =
      /^(?:\s+at (?:async )?(?:.*\()?)?(file:\/\/.+?|\/.+?|[A-Za-z]:[\\/].+?):(\d+)(?::\d+)?\)?$/.exec(text) ?? [];
    if (!file || !line) continue;
    const path = file.startsWith("file:") ? fileURLToPath(file) : file;
    if (!/[\\/]node_modules[\\/]/.test(path) && !path.startsWith(OWN_FOLDER)) return { path, line };
  }
  return undefined;
}

/**
 * The ES module with a syntax error whose place is not known. Once TypeScript can be loaded, JavaScript fails with
 * another error.
 */
function hiddenSyntaxError(thrown: unknown, path: string | undefined): string | undefined {
  const [, parsed] = /^Parse error (.+):\d+:\d+$/.exec(firstLine(thrown)) ?? [];
  return parsed ?? (isRecord(thrown) && thrown.name === "SyntaxError" ? path : undefined);
}

/**
 * Node's error does not have the place of a syntax error in an ES module, but a process that ends with the error prints
 * it.
 */
function compiled(path: string): Promise<Failure | undefined> {
  const script = ["--input-type=module", "--eval", `import ${JSON.stringify(pathToFileURL(path).href)};`];
  const typeScript = /tsx?$/.test(path) ? ["--import", import.meta.resolve("tsx")] : [];
  const bySyntax = ["--import", import.meta.url.replace(/failure(\.[jt]s)$/, "es-syntax$1")];
  return new Promise((resolve) => {
    execFile(
      process.execPath,
      [...process.execArgv, ...typeScript, ...bySyntax, ...script],
      { timeout: 30_000 },
      (_, __, stderr) => {
        const [, url, line] = /^(file:\/\/.+):(\d+)$/m.exec(stderr) ?? [];
        const [, message] = /^SyntaxError: (.+)$/m.exec(stderr) ?? [];
        resolve(url && line && message ? { message, place: { path: fileURLToPath(url), line } } : undefined);
      },
    );
  });
}
