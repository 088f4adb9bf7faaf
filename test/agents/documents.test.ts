import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "@jest/globals";
import { loadDocuments } from "../../src/agents/documents.ts";

describe("loadDocuments", () => {
  let root = "";
  beforeEach(async () => {
    root = await mkdtemp(join(tmpdir(), "sluice-documents-"));
  });
  afterEach(() => rm(root, { recursive: true }));

  it("loads what is there and skips what is missing", async () => {
    await writeFile(join(root, "README.md"), "# Hello");
    await writeFile(join(root, "NOTES.md"), "# Not for everyone");
    expect(await loadDocuments(root)).toEqual([{ source: "README.md", text: "# Hello" }]);
  });
});
