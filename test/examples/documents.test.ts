/** The blocks of the documents that need an example's packages, type-checked as those of test/package are. */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { afterAll, expect, test } from "vitest";
import { complaints, TYPED_IN_EXAMPLES } from "../documents/typed.ts";
import { EXAMPLES } from "./example.ts";

const TIMEOUT_MS = 120_000;

mkdirSync("test/.tmp", { recursive: true });
const folder = mkdtempSync(resolve("test/.tmp/typed-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

test.each(Object.entries(TYPED_IN_EXAMPLES))(
  "%s has the types of its libraries",
  { timeout: TIMEOUT_MS },
  async (id, { example, ...surroundings }) => {
    const path = mkdtempSync(join(folder, `${example}-`));
    // What an example does not have itself, such as the compiler, is found above.
    symlinkSync(join(EXAMPLES, example, "node_modules"), join(path, "node_modules"), "junction");
    expect(await complaints(id, surroundings, path)).toBe("");
  },
);
