/**
 * The package as people install it: packed from this checkout, which `npm test` has built, and unpacked in a project.
 */
import { spawn } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(dirname(fileURLToPath(import.meta.url)), "../..");

export interface Packed {
  readonly tarball: string;
  /** Paths in the package. */
  readonly files: readonly string[];
  /** Bytes, packed. */
  readonly size: number;
}

/** Packs the checkout into `folder`. */
export async function pack(folder: string): Promise<Packed> {
  const out = await run("npm", ["pack", "--json", "--ignore-scripts", "--pack-destination", folder], ROOT);
  const [{ filename, size, files }] = JSON.parse(out) as [
    { filename: string; size: number; files: { path: string }[] },
  ];
  return { tarball: join(folder, filename), size, files: files.map(({ path }) => path) };
}

/**
 * Makes a project folder that contains only the package and its dependencies. They are linked from this checkout, so no
 * registry is needed: those that `langgraph-sluice` lists, and `also`.
 */
export async function consumer(folder: string, { tarball }: Packed, also: readonly string[] = []): Promise<string> {
  const path = await mkdtemp(join(folder, "consumer-"));
  const modules = join(path, "node_modules");
  const own = join(modules, "langgraph-sluice");
  await mkdir(own, { recursive: true });
  await run("tar", ["xzf", tarball, "--strip-components=1"], own);
  const { dependencies, peerDependencies } = JSON.parse(await readFile(join(own, "package.json"), "utf8")) as Record<
    "dependencies" | "peerDependencies",
    Record<string, string>
  >;
  for (const name of [...Object.keys(dependencies), ...Object.keys(peerDependencies), ...also]) {
    await mkdir(dirname(join(modules, name)), { recursive: true });
    await symlink(join(ROOT, "node_modules", name), join(modules, name), "junction");
  }
  await writeFile(join(path, "package.json"), '{ "type": "module", "private": true }');
  return path;
}

export async function temporary(): Promise<{ path: string; remove: () => Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "sluice-package-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}

/** Runs a program to its end with nothing but `PATH` and `HOME` in its environment, and gives what it printed. */
export async function run(
  command: string,
  args: readonly string[],
  cwd: string,
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { PATH = "", HOME = "" } = process.env;
  const child = spawn(command, args, { cwd, env: { PATH, HOME, ...env }, stdio: ["ignore", "pipe", "pipe"] });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (text: Buffer) => (stdout += text.toString()));
  child.stderr.on("data", (text: Buffer) => (stderr += text.toString()));
  const code = await new Promise((ended, failed) => child.once("error", failed).once("close", ended));
  if (code !== 0) throw new Error(`${command} ${args.join(" ")} ended with ${code}:\n${stdout}${stderr}`);
  return stdout;
}
