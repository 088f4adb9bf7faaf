/**
 * `npm run example NAME`: starts an example with this checkout's Sluice, installing it first if need be.
 * `--install` only installs; without a name, every example.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt, ensureInstalled, examples } from "./setup.mjs";

/** The tools of the examples report nothing about their use. */
const QUIET = { NEXT_TELEMETRY_DISABLED: "1", SCARF_ANALYTICS: "false" };

const args = process.argv.slice(2);
const installs = args.includes("--install");
const [name] = args.filter((arg) => arg !== "--install");
const chosen = examples().filter((example) => name === undefined || example.name === name);
if (chosen.length === 0 || (name === undefined && !installs)) {
  console.error(
    `Which example? There are ${examples()
      .map((example) => example.name)
      .join(", ")}.`,
  );
  process.exit(2);
}
ensureInstalled();
ensureBuilt();
for (const { folder } of chosen) {
  install(folder);
  if (!installs) npm(["start"], folder);
}

/** The example gets Sluice as a package, as it would from a registry: a copy, made anew each time. */
function install(folder) {
  console.error(`Installing ${folder} ...`);
  rmSync(join(folder, "node_modules", "langgraph-sluice"), { recursive: true, force: true });
  npm(["install", "--no-audit", "--no-fund", "--loglevel=error"], folder);
}

function npm(command, cwd) {
  const env = { ...QUIET, ...process.env };
  const shell = process.platform === "win32";
  const { status, error } = spawnSync("npm", command, { cwd, stdio: "inherit", shell, env });
  if (error) throw error;
  if (status !== 0) process.exit(status ?? 1);
}
