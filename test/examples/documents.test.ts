/** The blocks of the documents that need an example's packages, type-checked as those of test/package are. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { examples } from "../../scripts/setup.mjs";
import { complaintsElsewhere, TYPED_ELSEWHERE } from "../documents/typed.ts";

const ids = Object.keys(TYPED_ELSEWHERE).filter((id) => TYPED_ELSEWHERE[id]?.modules.startsWith("examples/"));

test.each(ids)("%s has the types of its libraries", { timeout: 120_000 }, async (id) => {
  expect(await complaintsElsewhere(id)).toBe("");
});

test.each(examples())("$name is in the list, and says how it is started and how it looks", ({ name, folder }) => {
  expect(readFileSync("examples/README.md", "utf8")).toContain(`| \`npm run example ${name}\` |`);
  const readme = readFileSync(join(folder, "README.md"), "utf8");
  expect(readme).toContain(`npm run example ${name} `);
  expect(readme).toContain(`](../../docs/images/example-${name}.png)`);
  expect(existsSync(`docs/images/example-${name}.png`)).toBe(true);
});
