import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  contentWords,
  documentIndex,
  excerpt,
  loadDocuments,
  loadFolder,
  readable,
} from "../../src/agents/documents.ts";

let root = "";
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "sluice-documents-"));
});
afterEach(() => rm(root, { recursive: true }));

describe("loadDocuments", () => {
  it("loads what is there and skips what is missing", async () => {
    await writeFile(join(root, "README.md"), "# Hello");
    await writeFile(join(root, "NOTES.md"), "# Not for everyone");
    expect(await loadDocuments(root)).toEqual([{ source: "README.md", text: "# Hello" }]);
  });
});

describe("loadFolder", () => {
  it("reads Markdown and text, in folders too, and nothing else", async () => {
    await mkdir(join(root, "rivers"));
    await writeFile(join(root, "tides.md"), "# Tides");
    await writeFile(join(root, "rivers", "weirs.TXT"), "weirs");
    await writeFile(join(root, "photo.png"), "no text");
    expect(await loadFolder(root)).toEqual([
      { source: "rivers/weirs.TXT", text: "weirs" },
      { source: "tides.md", text: "# Tides" },
    ]);
  });

  it("says when there is no such folder", async () => {
    await expect(loadFolder(join(root, "nowhere"))).rejects.toMatchObject({ code: "ENOENT" });
  });
});

describe("documentIndex", () => {
  const index = documentIndex([
    {
      source: "water.md",
      text: "# Water\n\nIt is wet.\n\n## Tides\n\nThe Moon pulls at the sea.\n\n## Locks\n\nA lock lifts boats.",
    },
    { source: "水.txt", text: "月亮的引力造成潮汐。" },
  ]);

  it("finds the section, with its headings and the words that matched", () => {
    expect(index.search("Why does the moon pull?")).toMatchObject([
      { source: "water.md", title: "Tides", trail: "Water", text: "The Moon pulls at the sea.", coverage: 1 },
    ]);
  });

  it("says how much of a question a section covers", () => {
    expect(index.search("boats and cathedrals")).toMatchObject([{ title: "Locks", coverage: 0.5 }]);
    expect(index.search("cathedrals")).toEqual([]);
    expect(index.search("what is it?")).toEqual([]);
  });

  it("finds words where no spaces are written between them", () => {
    expect(index.search("为什么有潮汐？")[0]).toMatchObject({ source: "水.txt" });
  });
});

describe("contentWords", () => {
  it("leaves out what every question has", () => {
    expect(contentWords("Why is that so?")).toEqual([]);
    expect(contentWords("How do locks lift a boat?")).toEqual(["lock", "lift", "boat"]);
  });

  it("is not held up by a text of a megabyte without a space", () => {
    const started = performance.now();
    expect(contentWords("潮汐".repeat(150_000))).toContain("潮汐");
    expect(performance.now() - started).toBeLessThan(5_000);
  });
});

describe("excerpt", () => {
  it("gives a short section whole, and of a long one the part that matched", () => {
    const text = `${"The first part is about nothing. ".repeat(10)}\n\nHere is the gate.`;
    expect(excerpt({ text: "Short.\n\nHere is the gate.", terms: ["gate"] }, 100)).toBe("Short.\n\nHere is the gate.");
    expect(excerpt({ text, terms: ["gate"] }, 100)).toBe("Here is the gate.");
    expect(excerpt({ text, terms: ["first"] }, 20)).toBe("The first part is …");
  });
});

describe("readable", () => {
  it.each([
    ["a paragraph's lines", "One\ntwo\n\nthree\nfour", "One two\n\nthree four"],
    ["an item's lines", "Some:\n- one\n  goes on\n- two\n    far in", "Some:\n- one goes on\n- two far in"],
    ["numbers", "1. one\n   more\n2. two", "1. one more\n2. two"],
  ])("joins %s", (_name, markdown, text) => {
    expect(readable(markdown)).toBe(text);
  });

  it.each([
    ["a block of code", "Look:\n```js\nconst a = 1;\nconst b = [a](c);\n```\nThen"],
    ["indented code", "\n    one\n    two"],
    ["a table", "| a | b |\n|---|---|\n| 1 | 2 |"],
    ["headings", "# One\nWords\n## Two"],
    ["quotes", "> one\n> two"],
    ["a link that leads somewhere", "See [AG-UI](https://docs.ag-ui.com) and [mail](mailto:a@example.com)."],
    ["what looks like a link in code", "Write `[a](b.md)`."],
  ])("leaves %s alone", (_name, markdown) => {
    expect(readable(markdown)).toBe(markdown);
  });

  it.each([
    ["See [resuming a\nrun](PROTOCOL.md#resuming).", "See resuming a run."],
    ["| [`serve`](#serving) | [the `a[0]` of it](src/a.ts) |", "| `serve` | the `a[0]` of it |"],
    ["![A picture\nof it](docs/images/it.png)", "A picture of it"],
  ])("of relative links keeps the words: %j", (markdown, text) => {
    expect(readable(markdown)).toBe(text);
  });
});
