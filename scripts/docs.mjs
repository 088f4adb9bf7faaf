/**
 * `npm run docs`: serves the documents as a site on 127.0.0.1, with search and the API reference. `npm run docs:build`
 * writes it to site/dist. The tools are a separate project, which is installed first.
 */
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureInstalled, ROOT } from "./setup.mjs";

const SITE = join(ROOT, "site");
const vitepress = join(SITE, "node_modules", "vitepress", "bin", "vitepress.js");

ensureInstalled(); // The API reference reads the types of the dependencies.
if (!existsSync(vitepress)) {
  run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"], { shell: process.platform === "win32" });
}
run(process.execPath, ["gather.mjs"]);
run(process.execPath, process.argv.includes("--build") ? [vitepress, "build", "."] : [vitepress, "dev", "."]);

function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: SITE, stdio: "inherit", ...options });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
