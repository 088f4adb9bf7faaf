/**
 * `npm test`: every test this machine can run, then the names of what it could not run.
 * SLUICE_REQUIRE=browser,redis turns a part that cannot run into a failure. Arguments go to jest.
 */
import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, join } from "node:path";
import { ensureBuilt, ensureInstalled, ROOT } from "./setup.mjs";

/** What needs more than Node; the tests of a part lie in test/<name>/. */
const PARTS = [
  { name: "redis", needs: "redis-server", found: () => onPath("redis-server") },
  {
    name: "browser",
    needs: "chromium",
    found: () => existsSync(process.env.CHROMIUM_PATH || "/usr/bin/chromium"),
  },
];

const missing = PARTS.filter((part) => !part.found());
const notRunHere = missing.filter(({ name }) => existsSync(join(ROOT, "test", name)));

requireParts(
  (process.env.SLUICE_REQUIRE ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean),
);
ensureInstalled();
ensureBuilt(); // some tests start the built server
process.exitCode = await jest(process.argv.slice(2));
for (const part of notRunHere) console.error(describe(part));

function requireParts(names) {
  const known = PARTS.map(({ name }) => name);
  const errors = [
    ...names.filter((name) => !known.includes(name)).map((name) => `${name} is none of ${known.join(", ")}`),
    ...missing.filter(({ name }) => names.includes(name)).map((part) => describe(part)),
  ];
  if (errors.length === 0) return;
  for (const error of errors) console.error(`SLUICE_REQUIRE: ${error}`);
  process.exit(1);
}

function jest(args) {
  const node = ["--experimental-vm-modules", "--disable-warning=ExperimentalWarning"];
  // Last, because jest's lists take every word that follows them.
  const ignored = notRunHere.map(({ name }) => `--testPathIgnorePatterns=/test/${name}/`);
  const child = spawn(
    process.execPath,
    [...node, join(ROOT, "node_modules", "jest", "bin", "jest.js"), ...args, ...ignored],
    { cwd: ROOT, stdio: "inherit" },
  );
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

function describe({ name, needs }) {
  return `not run here: ${name} (no ${needs} found)`;
}

function onPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, command)));
}
