/**
 * Collects the content of the site: the documents, the API reference from TSDoc, and llms.txt. The site has the same
 * folders as the repository, so that links work in both. A README.md is the page of its folder.
 */
import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join, posix, relative, sep } from "node:path";
import { fileURLToPath } from "node:url";

const SITE = dirname(fileURLToPath(import.meta.url));
const ROOT = dirname(SITE);
const PAGES = join(SITE, "pages");

rmSync(PAGES, { recursive: true, force: true });
mkdirSync(PAGES);
cpSync(join(ROOT, "docs", "images"), join(PAGES, "docs", "images"), { recursive: true });
const examples = readdirSync(join(ROOT, "examples"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
for (const path of [
  ...documentsIn("."),
  ...documentsIn("docs"),
  ...documentsIn("examples"),
  ...examples.map(({ name }) => join("examples", name, "README.md")),
]) {
  const page = join(PAGES, path.replace(/README\.md$/, "index.md"));
  mkdirSync(dirname(page), { recursive: true });
  writeFileSync(page, read(path).replace(/(\]\([^\s:)]*)README\.md/g, "$1index.md"));
}
// Files that the documents link to.
for (const path of ["config/agents.json", "config/grafana/sluice.json"]) {
  cpSync(join(ROOT, path), join(PAGES, "public", path));
}
writeFileSync(join(PAGES, "LICENSE.md"), `# ${read("LICENSE")}`);
writeFileSync(join(PAGES, "env-example.md"), `# .env.example\n\n\`\`\`ini\n${read(".env.example")}\`\`\`\n`);

// One module for each entry point of the package, under the name by which it is imported.
const { name: own, exports } = JSON.parse(read("package.json"));
for (const [path, { default: built }] of Object.entries(exports)) {
  if (!built) continue;
  const entry = join(SITE, "pages", "entries", `${posix.join(own, path)}.ts`);
  const source = join(ROOT, built.replace("./dist/", "src/").replace(/\.js$/, ".ts"));
  mkdirSync(dirname(entry), { recursive: true });
  writeFileSync(entry, `export * from "${relative(dirname(entry), source).split(sep).join("/")}";\n`);
}

const typedoc = join(SITE, "node_modules", "typedoc", "bin", "typedoc");
const { status } = spawnSync(process.execPath, [typedoc, "--options", join(SITE, "typedoc.json")], {
  cwd: SITE,
  stdio: "inherit",
});
if (status !== 0) process.exit(status ?? 1);

const paths = ["README.md", ...documentsIn("docs"), "examples/README.md", "PROTOCOL.md"];
const texts = paths.map((path) => ({ path, text: read(path) }));
writeFileSync(join(PAGES, "public", "llms.txt"), `# Sluice\n\n${texts.map(line).join("\n")}\n`);
writeFileSync(join(PAGES, "public", "llms-full.txt"), texts.map(({ text }) => text).join("\n\n"));

/** Returns the paths of a folder's documents. */
function documentsIn(folder) {
  return readdirSync(join(ROOT, folder))
    .filter((name) => name.endsWith(".md"))
    .map((name) => posix.join(folder, name));
}

function read(path) {
  return readFileSync(join(ROOT, path), "utf8");
}

/** Returns a document's title and first sentence. */
function line({ path, text }) {
  const [, title] = /^# (.+)$/m.exec(text) ?? [];
  const prose = text.split(/\n\n+/).find((part) => /^(?:[A-Z]|`[^`])/.test(part)) ?? "";
  const [sentence] = prose.replaceAll("\n", " ").split(/(?<=[.:?]) /);
  const link = `- [${title}](/${path.replace(/README\.md$/, "").replace(/\.md$/, "")})`;
  return sentence ? `${link}: ${sentence}` : link;
}
