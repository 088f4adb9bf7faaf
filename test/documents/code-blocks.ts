/** The code blocks in the documents that people copy from. Each kind has its own tests in this folder. */
import { readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

export const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));

export type Kind = "program" | "types" | "shell" | "json" | "ini" | "yaml" | "nginx" | "transcript" | "not run";

export interface CodeBlock {
  /** Its document and heading, and its number where the heading has several. */
  readonly id: string;
  /** The language, and a name after it where it has one. */
  readonly info: string;
  readonly code: string;
  readonly kind: Kind;
}

/** Blocks that no test can run or check, each with the reason. */
export const NOT_RUN: Readonly<Record<string, string>> = {
  "README.md › Sluice": "a drawing",
  "docs/audit.md › What it says": "the report of a graph with a leak; test/audit compares reports",
  "docs/binding.md › An example": "frames; test/check/binding.test.ts judges each of them",
  "docs/binding.md › An example 2": "frames; test/check/binding.test.ts judges each of them",
  "docs/performance.md › To repeat it": "measurements of a quarter of an hour",
  "docs/why-tokens-dont-stream.md › Find out 2":
    "the report of a broken model, with the times of one run; test/doctor compares reports",
};

const KINDS: Readonly<Record<string, Kind>> = {
  js: "program",
  ts: "types",
  tsx: "types",
  sh: "shell",
  json: "json",
  ini: "ini",
  yaml: "yaml",
  nginx: "nginx",
  "": "transcript",
};

const documents = ["README.md", ...readdirSync(join(ROOT, "docs")).map((name) => `docs/${name}`)].filter((name) =>
  name.endsWith(".md"),
);

export const codeBlocks: readonly CodeBlock[] = documents.flatMap(blocksIn);

export function blocksOf(kind: Kind): [id: string, block: CodeBlock][] {
  return codeBlocks.filter((block) => block.kind === kind).map((block) => [block.id, block]);
}

export function codeBlock(id: string): CodeBlock {
  const block = codeBlocks.find((each) => each.id === id);
  if (!block) throw new Error(`There is no block "${id}".`);
  return block;
}

/** Returns the row of a test's table for a block. Fails if the table does not list the block yet. */
export function rowFor<Row>(table: Readonly<Record<string, Row>>, id: string): Row {
  const row = table[id];
  if (row === undefined) throw new Error(`"${id}" needs a row in the table of its test, or a reason in NOT_RUN.`);
  return row;
}

function blocksIn(document: string): CodeBlock[] {
  const text = readFileSync(join(ROOT, document), "utf8");
  const counts = new Map<string, number>();
  let heading = "";
  return [...text.matchAll(/^#+ (.+)$|^```(.*)\n([\s\S]*?)^```$/gm)].flatMap(([, title, info = "", code = ""]) => {
    if (title !== undefined) {
      heading = title;
      return [];
    }
    const count = (counts.get(heading) ?? 0) + 1;
    counts.set(heading, count);
    const id = `${document} › ${heading}${count > 1 ? ` ${count}` : ""}`;
    const kind = id in NOT_RUN ? "not run" : KINDS[info.split(" ")[0] ?? ""];
    if (!kind) throw new Error(`${id}: no test knows the language "${info}".`);
    return [{ id, info, code, kind }];
  });
}
