/**
 * `npm run example NAME`: installs and starts an example with this checkout's Sluice. `--install` only installs;
 * without a name, all examples.
 */
import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { join } from "node:path";
import { ensureBuilt, ensureInstalled, examples } from "./setup.mjs";

/** Turns off the telemetry of the examples' tools. */
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

/** Installs the example's packages. Sluice is copied again each time, as a registry would deliver it. */
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
