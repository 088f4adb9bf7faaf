/**
 * Bundles the playground: `node scripts/build-playground.mjs <folder>` writes <folder>/playground. Its files have names
 * that change with their content, and its URLs are relative, so that it works below any path.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { basename, extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";

/**
 * The highest sizes of scripts and styles, gzipped, in KiB: those loaded at first, those loaded later, and those that
 * most conversations do not use.
 */
const BUDGET_KIB = { first: 64, later: 40, seldom: 8 };

const SOURCE = fileURLToPath(new URL("../src/playground", import.meta.url));

const [out] = process.argv.slice(2);
if (!out) {
  console.error("Usage: node scripts/build-playground.mjs <folder>");
  process.exit(1);
}
const folder = join(out, "playground");

const { metafile } = await build({
  entryPoints: {
    main: join(SOURCE, "main.tsx"),
    styles: join(SOURCE, "styles/main.css"),
    "inspector-styles": join(SOURCE, "inspector/inspector.css"),
    icon: join(SOURCE, "icon.svg"),
  },
  outdir: folder,
  entryNames: "[name]-[hash]",
  chunkNames: "[name]-[hash]",
  assetNames: "[name]-[hash]",
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "browser",
  target: ["chrome123", "firefox120", "safari17.5"],
  minify: true,
  legalComments: "linked",
  loader: { ".svg": "copy" },
  jsx: "automatic",
  jsxImportSource: "preact",
  metafile: true,
  logLevel: "warning",
});

const files = new Map(Object.entries(metafile.outputs).map(([path, output]) => [basename(path), output]));
const entry = (source) =>
  [...files].find(([, { entryPoint, inputs }]) => (entryPoint ?? Object.keys(inputs)[0])?.endsWith(source))?.[0];
const names = {
  "main.js": entry("main.tsx"),
  "main.css": entry("styles/main.css"),
  "inspector.css": entry("inspector/inspector.css"),
  "icon.svg": entry("icon.svg"),
};

const page = Object.entries(names).reduce(
  (html, [name, hashed]) => html.replace(`"${name}"`, `"${hashed}"`),
  readFileSync(join(SOURCE, "index.html"), "utf8"),
);
mkdirSync(folder, { recursive: true });
writeFileSync(join(folder, "index.html"), page);
report();

/** Prints the size of the page, and fails if it is too large. */
function report() {
  const atFirst = reached(names["main.js"]).add(names["main.css"]);
  const weighed = [...files.keys()]
    .filter((name) => [".js", ".css"].includes(extname(name)))
    .map((name) => {
      const bytes = readFileSync(join(folder, name));
      const part = atFirst.has(name) ? "first" : name.startsWith("seldom-") ? "seldom" : "later";
      return { name, part, raw: bytes.length, zipped: gzipSync(bytes, { level: 9 }).length };
    });
  const parts = Object.entries(BUDGET_KIB).map(([part, budget]) => {
    const { raw, zipped } = sum(weighed.filter((file) => file.part === part));
    console.log(`Playground, ${part}: ${kib(raw)} (${kib(zipped)} gzipped, of at most ${budget} KiB)`);
    return zipped <= budget * 1024;
  });
  if (parts.every(Boolean)) return;
  for (const { name, raw, zipped } of weighed) console.error(`  ${name}: ${kib(raw)} (${kib(zipped)} gzipped)`);
  console.error("The playground is over its budget: see BUDGET_KIB in scripts/build-playground.mjs.");
  process.exit(1);
}

/** Returns a file and everything that it imports statically. */
function reached(name, found = new Set()) {
  if (found.has(name)) return found;
  found.add(name);
  for (const { path, kind } of files.get(name)?.imports ?? [])
    if (kind === "import-statement") reached(basename(path), found);
  return found;
}

function sum(list) {
  return list.reduce((all, { raw, zipped }) => ({ raw: all.raw + raw, zipped: all.zipped + zipped }), {
    raw: 0,
    zipped: 0,
  });
}

function kib(bytes) {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
