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

test.each(examples())(
  "$name is in the list with its command and its picture, and says how it is started",
  (example) => {
    const list = readFileSync("examples/README.md", "utf8");
    const picture = `docs/images/example-${example.name}.png`;
    expect(list).toContain(`| \`npm run example ${example.name}\` |`);
    expect(list).toContain(`](../${picture})`);
    expect(existsSync(picture)).toBe(true);
    expect(readFileSync(join(example.folder, "README.md"), "utf8")).toContain(`npm run example ${example.name} `);
  },
);
