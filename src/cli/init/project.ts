/** The files of a new project. The graph and the pages are those of the repository's examples. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { mkdir, writeFile } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { ConfigError } from "../../config/config-error.ts";

export interface ProjectOptions {
  readonly cwd: string;
  /** The project's folder, as it was given. */
  readonly folder: string;
  readonly packageRoot: string;
  /** Sluice's own version. */
  readonly version: string;
  /** The name of an example, or `none`. */
  readonly frontend: string;
}

/** The content of each file, by its path below the project's folder. */
export type ProjectFiles = ReadonlyMap<string, string>;

interface Manifest {
  readonly scripts?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
}

/** Needed by a project without a page. */
const FOR_THE_GRAPH = ["@langchain/core", "@langchain/langgraph", "langchain", "langgraph-sluice", "zod"];

export function projectFiles(options: ProjectOptions): ProjectFiles {
  const { packageRoot, frontend } = options;
  const bare = frontend === "none";
  const template = filesBelow(join(packageRoot, "dist", "templates", bare ? "react" : frontend));
  const { "package.json": manifest = "{}", "graph.mjs": graph = "", ...page } = Object.fromEntries(template);
  return new Map([
    ["package.json", packageJson(options, JSON.parse(manifest) as Manifest, bare)],
    ["graph.mjs", graph],
    ["config/agents.json", AGENTS],
    [".env", envFile(frontend)],
    [".gitignore", "node_modules/\ndata/\n.env\n"],
    ...(bare ? [] : Object.entries(page).filter(([path]) => path !== "langgraph.json")),
  ]);
}

/** @throws ConfigError when one of the files exists already. Then nothing is written. */
export async function writeProject(folder: string, cwd: string, files: ProjectFiles): Promise<void> {
  const root = resolve(cwd, folder);
  const there = [...files.keys()].filter((path) => existsSync(join(root, path)));
  if (there.length > 0) {
    throw new ConfigError(`${folder} has ${there.join(", ")} already. Nothing was written: name another folder.`);
  }
  for (const [path, content] of files) {
    const file = join(root, path);
    await mkdir(dirname(file), { recursive: true });
    await writeFile(file, content, { flag: "wx" });
  }
}

const AGENTS = `${JSON.stringify(
  {
    agents: {
      agent: {
        graph: "../graph.mjs:graph",
        prompts: ['What is the weather in "Oslo"?', "Write a note: buy milk"],
      },
    },
  },
  undefined,
  2,
)}\n`;

function envFile(frontend: string): string {
  const routes = frontend === "use-stream" ? "\n# The routes that useStream asks for.\nLANGGRAPH_API=true\n" : "";
  return `# Settings of the server; Sluice's docs/settings.md has all of them.
PORT=8123
# Threads are kept here.
DATA_DIR=./data
${routes}`;
}

/** The example's own, with this Sluice in it, and with scripts that read config/agents.json. */
function packageJson(options: ProjectOptions, example: Manifest, bare: boolean): string {
  const { scripts = {}, dependencies = {}, devDependencies } = example;
  const needed = Object.entries(dependencies).filter(([name]) => !bare || FOR_THE_GRAPH.includes(name));
  const name = basename(resolve(options.cwd, options.folder))
    .toLowerCase()
    .replace(/[^a-z0-9-]+/g, "-");
  const manifest = {
    ...example,
    name: /^[a-z]/.test(name) ? name : "chat",
    scripts: bare ? { start: "sluice dev" } : { ...scripts, agent: "sluice dev" },
    dependencies: { ...Object.fromEntries(needed), "langgraph-sluice": sluiceSpec(options) },
    ...(bare ? { devDependencies: undefined } : { devDependencies }),
  };
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}

/** The source of the project's Sluice: the one that the folder of the command has. */
function sluiceSpec({ cwd, folder, version }: ProjectOptions): string {
  const file = join(cwd, "package.json");
  const { dependencies, devDependencies } = (
    existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {}
  ) as Manifest;
  const spec = { ...devDependencies, ...dependencies }["langgraph-sluice"] ?? `^${version}`;
  if (!spec.startsWith("file:")) return spec;
  const path = relative(resolve(cwd, folder), resolve(cwd, spec.slice("file:".length)));
  return `file:${path.split(sep).join("/")}`;
}

function filesBelow(folder: string): [path: string, content: string][] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => [relative(folder, path).split(sep).join("/"), readFileSync(path, "utf8")]);
}
