/**
 * Puts together what the site shows: the documents, the API reference made of TSDoc, and llms.txt. The documents stay as
 * they are in the repository; their links work here because the site has the same folders.
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
const documents = readdirSync(ROOT).filter((name) => name.endsWith(".md"));
for (const name of [...documents, "docs"]) cpSync(join(ROOT, name), join(PAGES, name), { recursive: true });
const examples = readdirSync(join(ROOT, "examples"), { withFileTypes: true });
for (const folder of ["", ...examples.filter((entry) => entry.isDirectory()).map(({ name }) => name)]) {
  const path = join("examples", folder, "README.md");
  cpSync(join(ROOT, path), join(PAGES, path));
}
// Files that the documents link to.
for (const path of ["config/agents.json", "config/grafana/sluice.json"]) {
  cpSync(join(ROOT, path), join(PAGES, "public", path));
}
writeFileSync(join(PAGES, "LICENSE.md"), `# ${readFileSync(join(ROOT, "LICENSE"), "utf8")}`);
writeFileSync(
  join(PAGES, "env-example.md"),
  `# .env.example\n\n\`\`\`ini\n${readFileSync(join(ROOT, ".env.example"), "utf8")}\`\`\`\n`,
);

// One module for each entry point of the package, under the name by which it is imported.
const { name: own, exports } = JSON.parse(readFileSync(join(ROOT, "package.json"), "utf8"));
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

const guides = readdirSync(join(ROOT, "docs")).filter((name) => name.endsWith(".md"));
const paths = ["README.md", ...guides.map((name) => `docs/${name}`), "examples/README.md", "PROTOCOL.md"];
const texts = paths.map((path) => ({ path, text: readFileSync(join(ROOT, path), "utf8") }));
writeFileSync(join(PAGES, "public", "llms.txt"), `# Sluice\n\n${texts.map(line).join("\n")}\n`);
writeFileSync(join(PAGES, "public", "llms-full.txt"), texts.map(({ text }) => text).join("\n\n"));

/** The title of a document, and the first sentence in it. */
function line({ path, text }) {
  const [, title] = /^# (.+)$/m.exec(text) ?? [];
  const prose = text.split(/\n\n+/).find((part) => /^(?:[A-Z]|`[^`])/.test(part)) ?? "";
  const [sentence] = prose.replaceAll("\n", " ").split(/(?<=[.:?]) /);
  const link = `- [${title}](/${path.replace(/README\.md$/, "").replace(/\.md$/, "")})`;
  return sentence ? `${link}: ${sentence}` : link;
}
