/** Growing Markdown in blocks: the blocks are the same for any pieces of the text. */

import fc from "fast-check";
import { marked } from "marked";
import { describe, expect, test } from "vitest";
import { type Block, BlockCutter } from "../../src/playground/markdown/blocks.ts";

const DOCUMENT = `# Title

A paragraph
of two lines.

- one

  still one
- two

1. first
2. second

\`\`\`ts
const a = 1;

const b = 2;
\`\`\`
Text right behind it.

> quoted
> again

| a | b |
|---|---|
| 1 | 2 |

~~~
\`\`\`
~~~

The end.`;

function cut(pieces: readonly string[]): { blocks: Block[]; open: string; longest: number } {
  const cutter = new BlockCutter();
  const blocks: Block[] = [];
  let [open, longest] = ["", 0];
  for (const piece of pieces) {
    const { finished, open: rest } = cutter.push(piece);
    blocks.push(...finished);
    open = rest;
    longest = Math.max(longest, rest.length);
  }
  return { blocks, open, longest };
}

function sources(pieces: readonly string[]): string[] {
  const { blocks, open } = cut(pieces);
  return [...blocks.map(({ source }) => source), ...(open.trim() === "" ? [] : [open])];
}

/** The text in pieces of at most so many characters. */
function inPieces(text: string, size: number): string[] {
  return text.match(new RegExp(`[^]{1,${size}}`, "g")) ?? [];
}

const html = (...parts: string[]) =>
  parts
    .map((source) => marked.parse(source, { async: false }))
    .join("")
    .replaceAll(/\n+/g, "\n");

describe("a document", () => {
  test.each([1, 2, 3, 7, 40, 10_000])("in pieces of %i characters is cut where its blocks end", (size) => {
    const blocks = sources(inPieces(DOCUMENT, size));
    expect(blocks.map((source) => source.trim().split("\n")[0])).toEqual([
      "# Title",
      "A paragraph",
      "- one",
      "```ts",
      "Text right behind it.",
      "> quoted",
      "| a | b |",
      "~~~",
      "The end.",
    ]);
    expect(html(...blocks)).toBe(html(DOCUMENT));
  });

  test("of any lines loses nothing and is cut alike, however it comes", () => {
    const line = fc.constantFrom(
      "",
      "word word.",
      "- item",
      "  indented",
      "```",
      "~~~",
      "| a |",
      "|---|",
      "# h",
      "    code",
      "1. n",
    );
    fc.assert(
      fc.property(fc.array(line, { maxLength: 30 }), fc.integer({ min: 1, max: 9 }), (lines, size) => {
        const text = lines.join("\n");
        const whole = sources([text]);
        expect(sources(inPieces(text, size))).toEqual(whole);
        const said = (source: string) => source.replaceAll(/\s/g, "");
        expect(whole.map(said).join("")).toBe(said(text));
      }),
    );
  });
});

describe("a block without end", () => {
  test.each([
    ["a paragraph", "All of this is one paragraph. "],
    ["one word", "x"],
    ["lines", "a line of verse\n"],
    ["a list", "- another item\n"],
  ])("%s is cut, and joined it is the same", (_name, piece) => {
    const text = piece.repeat(20_000 / piece.length);
    const { blocks, open, longest } = cut(inPieces(text, 25));
    expect(longest).toBeLessThan(3_000);
    expect(blocks.length).toBeGreaterThan(5);
    expect(blocks.every((block) => block.cut)).toBe(true);
    expect(blocks.map(({ source }) => source).join("") + open).toBe(text);
  });

  test("a table is cut between rows, and each part has the head", () => {
    const head = "| name | value |\n|------|-------|\n";
    const text = head + "| a row | of it |\n".repeat(1_000);
    const { blocks, open, longest } = cut(inPieces(text, 25));
    expect(longest).toBeLessThan(3_000);
    expect(blocks.every(({ source }) => source.startsWith(head))).toBe(true);
    expect(blocks.map(({ source, repeats }) => source.slice(repeats)).join("") + open.slice(head.length)).toBe(text);
  });

  test("code stays whole: it only grows", () => {
    const { blocks, open } = cut(inPieces(`\`\`\`\n${"code();\n".repeat(2_000)}`, 25));
    expect([blocks.length, open.length]).toEqual([0, 16_004]);
  });
});
