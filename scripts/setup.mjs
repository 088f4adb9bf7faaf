/**
 * Prepares a checkout to run: installs and builds if something is missing or out of date. It runs before node_modules
 * exists, so it imports only Node's modules.
 */
import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { basename, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = join(dirname(fileURLToPath(import.meta.url)), "..");

const DIST = join(ROOT, "dist");
const STAMP = ".built";
/** The examples that `sluice init` writes. */
const TEMPLATES = ["assistant-ui", "react", "use-stream", "vanilla"].map((name) => join("examples", name));
const BUILD_INPUTS = [...TEMPLATES, "src", "scripts/build-playground.mjs", "tsconfig.json", "package.json"];

/** Runs `npm ci` when node_modules is missing or older than the lockfile. */
export function ensureInstalled() {
  // npm writes its own lockfile last, so an install that was interrupted counts as none.
  const installed = modified(join(ROOT, "node_modules", ".package-lock.json"));
  if (installed >= modified(join(ROOT, "package-lock.json"))) return;
  console.error("Installing dependencies ...");
  // NODE_ENV=production would leave out the compiler.
  const args = ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"];
  const cli = npmCli();
  orExit("npm ci", cli ? run(process.execPath, [cli, ...args]) : run("npm", args));
}

/** The folders of examples/, each a package of its own. */
export function examples() {
  const folder = join(ROOT, "examples");
  return readdirSync(folder)
    .map((name) => ({ name, folder: join(folder, name), installed: existsSync(join(folder, name, "node_modules")) }))
    .filter(({ folder }) => existsSync(join(folder, "package.json")));
}

/** Builds when dist is missing or older than its sources. */
export function ensureBuilt() {
  if (modified(join(DIST, STAMP)) >= Math.max(...BUILD_INPUTS.map((input) => newest(join(ROOT, input))))) return;
  console.error("Building ...");
  build();
}

/** Replaces the whole dist folder. A failed build leaves the old folder, and no output of a deleted source remains. */
export function build() {
  const began = new Date();
  const fresh = join(ROOT, `dist-${process.pid}`);
  process.once("exit", () => rmSync(fresh, { recursive: true, force: true }));
  const tsc = join(ROOT, "node_modules", "typescript", "bin", "tsc");
  orExit("tsc", run(process.execPath, [tsc, "--project", ROOT, "--outDir", fresh]));
  chmodSync(join(fresh, "main.js"), 0o755);
  const playground = run(process.execPath, [join(ROOT, "scripts", "build-playground.mjs"), fresh]);
  orExit("The playground's build", playground);
  console.error(playground.stdout.trimEnd()); // the sizes of its files
  const filter = (path) => !NOT_WRITTEN.has(basename(path));
  for (const path of TEMPLATES) {
    cpSync(join(ROOT, path), join(fresh, "templates", basename(path)), { recursive: true, filter });
  }
  writeFileSync(join(fresh, STAMP), "");
  // The stamp has the time when the build began, so files saved during the build are newer.
  utimesSync(join(fresh, STAMP), began, began);
  rmSync(DIST, { recursive: true, force: true });
  renameSync(fresh, DIST);
}

/** Files of an example that are not part of a new project. */
const NOT_WRITTEN = new Set([".npmrc", "README.md", "data", "dist", "node_modules", "notes.md"]);

/** Returns when a file was last written. A missing file is older than everything. */
function modified(path) {
  return statSync(path, { throwIfNoEntry: false })?.mtimeMs ?? Number.NEGATIVE_INFINITY;
}

/** Returns the newest change below a path. Folders count too, because they change when a file is deleted or renamed. */
function newest(path) {
  const stat = statSync(path);
  if (!stat.isDirectory()) return stat.mtimeMs;
  const names = readdirSync(path).filter((name) => name !== "node_modules");
  return Math.max(stat.mtimeMs, ...names.map((name) => newest(join(path, name))));
}

/** Returns the path of npm's script for Node, because the command `npm` needs a shell on Windows. */
function npmCli() {
  const node = dirname(process.execPath);
  const cli = join("node_modules", "npm", "bin", "npm-cli.js");
  const { npm_execpath: running = "" } = process.env;
  return [running.endsWith("npm-cli.js") ? running : "", join(node, cli), join(node, "..", "lib", cli)].find(
    existsSync,
  );
}

function run(command, args) {
  return spawnSync(command, args, {
    cwd: ROOT,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "pipe"],
    maxBuffer: 1 << 26,
  });
}

function orExit(name, { status, error, stdout, stderr }) {
  if (status === 0) return;
  console.error(`${stdout ?? ""}${stderr ?? ""}${name} failed${error ? `: ${error.message}` : ""}`);
  process.exit(1);
}

// Compares real paths, because import.meta.url is one, and the checkout may be reached through a symbolic link.
if (process.argv[1] && realpathSync(process.argv[1]) === fileURLToPath(import.meta.url)) ensureInstalled();
