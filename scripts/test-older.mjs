/**
 * `npm run test-older`: runs the tests that use LangGraph against the oldest supported versions. They run in a copy of
 * the checkout, which is removed afterwards. They are the tests of `npm run test:fast`. Arguments go to Vitest in place
 * of the suites below.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ROOT } from "./setup.mjs";

/** The lower ends of the ranges in package.json; LangGraph's is the last of its minor version. */
const OLDER = {
  "@langchain/langgraph": "1.4.17",
  "@langchain/core": "1.2.13",
  "@langchain/langgraph-checkpoint": "1.1.5",
};

/** These need a newer LangGraph or core, so they are not installed, and the tests that need them are left out. */
const NEWER = [
  "@langchain/langgraph-sdk",
  "@langchain/langgraph-supervisor",
  "@langchain/langgraph-swarm",
  "@langchain/react",
];
const NEEDS_NEWER = [
  "test/e2e/ecosystem/**",
  "test/server/langgraph/apps.test.ts",
  "test/server/langgraph/checkpoints.test.ts",
  "test/server/langgraph/client.test.ts",
  "test/server/langgraph/use-stream.test.ts",
];

/** Tests that an older LangGraph cannot pass, by name. */
const LEFT_OUT = [
  // It leaves a rejection unhandled when a run is aborted while nodes run in parallel, or when an inner graph is left.
  "until they are aborted, after any event",
  "has used what it used of its limits",
  "a call in a graph that its caller leaves",
  // Of two questions that are asked side by side in an inner graph, it reports one.
  "in a graph inside the graph, after a question",
];

const SUITES = ["graph", "runs", "store", "translate", "agents", "app", "server", "e2e"].map((room) => `test/${room}/`);

/** Files that are not sources. */
const NO_SOURCE = /^(node_modules|dist.*|data|coverage|\.git|\.env|.*\.tgz)$/;

const folder = mkdtempSync(join(tmpdir(), "sluice-older-"));
process.once("exit", () => rmSync(folder, { recursive: true, force: true }));
for (const name of readdirSync(ROOT).filter((name) => !NO_SOURCE.test(name))) {
  cpSync(join(ROOT, name), join(folder, name), { recursive: true });
}
const file = join(folder, "package.json");
const manifest = JSON.parse(readFileSync(file, "utf8"));
for (const [name, version] of Object.entries(OLDER)) {
  const kind = name in manifest.dependencies ? "dependencies" : "devDependencies";
  manifest[kind][name] = version;
}
for (const name of NEWER) delete manifest.devDependencies[name];
writeFileSync(file, JSON.stringify(manifest, null, 2));
run("npm", ["install", "--no-audit", "--no-fund", "--loglevel=error"]);
requireVersions();
const suites = process.argv.length > 2 ? process.argv.slice(2) : SUITES;
run(process.execPath, [
  join("scripts", "test.mjs"),
  "--fast",
  ...suites,
  `--testNamePattern=^(?!.*(${LEFT_OUT.join("|")}))`,
  ...NEEDS_NEWER.flatMap((path) => ["--exclude", path]),
]);

/**
 * Fails unless each package is installed once, in the intended version. With two copies, the tests might use the wrong
 * one.
 */
function requireVersions() {
  const { packages } = JSON.parse(readFileSync(join(folder, "node_modules", ".package-lock.json"), "utf8"));
  for (const [name, version] of Object.entries(OLDER)) {
    const found = Object.keys(packages).filter((path) => path.endsWith(`node_modules/${name}`));
    const versions = found.map((path) => packages[path].version);
    if (versions.join() !== version) fail(`${name}: ${versions.join(", ") || "none"} is installed, not ${version}.`);
  }
}

function run(command, args) {
  const { status, error } = spawnSync(command, args, { cwd: folder, stdio: "inherit" });
  if (status !== 0) fail(`${command} ${args.join(" ")} failed${error ? `: ${error.message}` : ""}`);
}

function fail(message) {
  console.error(message);
  process.exit(1);
}
