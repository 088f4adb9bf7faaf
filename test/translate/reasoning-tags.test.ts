/** Reasoning between tags in plain text: where it begins and ends, however the text is cut into chunks. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { defaultAgent } from "../../src/config/agents.ts";
import type { TextPart } from "../../src/translate/content.ts";
import { ReasoningTags } from "../../src/translate/reasoning-tags.ts";
import { NUM_RUNS } from "../support/properties.ts";

/** The text and the thoughts, in order; neighbours of one kind are joined, as clients join them. */
type Split = [kind: "text" | "reasoning", text: string][];

/** The tags of an agent whose entry names none. */
const DEFAULT_TAGS = defaultAgent("any").reasoningTags;

function split(chunks: readonly string[], names = DEFAULT_TAGS): Split {
  const joined: Split = [];
  for (const { kind, text } of parts(chunks, names)) {
    const last = joined.at(-1);
    if (last?.[0] === kind) last[1] += text;
    else joined.push([kind, text]);
  }
  return joined;
}

function parts(chunks: readonly string[], names = DEFAULT_TAGS): TextPart[] {
  const tags = new ReasoningTags(names);
  return [...chunks.flatMap((chunk) => tags.push(chunk)), ...tags.end()];
}

/** `text` cut after each of these positions. */
function cut(text: string, positions: readonly number[]): string[] {
  const sorted = [...new Set(positions.map((position) => position % (text.length + 1)))].sort((a, b) => a - b);
  return [0, ...sorted].map((from, index) => text.slice(from, sorted[index]));
}

const cuts = fc.array(fc.nat({ max: 500 }), { maxLength: 20 });

describe("text with a reasoning block", () => {
  it.each<[string, string, Split]>([
    [
      "in front, as most models have it",
      "<think>I think.</think>Yes.",
      [
        ["reasoning", "I think."],
        ["text", "Yes."],
      ],
    ],
    [
      "with line breaks around it, which belong to neither",
      "<think>\nI think.\n</think>\n\nYes.",
      [
        ["reasoning", "I think."],
        ["text", "Yes."],
      ],
    ],
    [
      "in the middle, where the line break in front is the text's own",
      "First.\n<think>Hm.</think>\nThen.",
      [
        ["text", "First.\n"],
        ["reasoning", "Hm."],
        ["text", "Then."],
      ],
    ],
    [
      "and another one",
      "<think>One.</think>First. <thinking>Two.</thinking>Second.",
      [
        ["reasoning", "One."],
        ["text", "First. "],
        ["reasoning", "Two."],
        ["text", "Second."],
      ],
    ],
    ["that is never closed: it is reasoning to its end", "<think>On and on\n", [["reasoning", "On and on\n"]]],
    ["that is empty", "<think>\n\n</think>\n\nYes.", [["text", "Yes."]]],
    [
      "in capitals",
      "<THINK>Hm.</Think>Yes.",
      [
        ["reasoning", "Hm."],
        ["text", "Yes."],
      ],
    ],
    [
      "with other tags inside, which are part of the thought",
      "<think>a </thinking> <think> b</think>c",
      [
        ["reasoning", "a </thinking> <think> b"],
        ["text", "c"],
      ],
    ],
  ])("%s", (_, text, expected) => {
    expect(split([text])).toEqual(expected);
    expect(split([...text])).toEqual(expected);
  });

  it("is sent as soon as it is certain", () => {
    const tags = new ReasoningTags(["think"]);
    expect(tags.push("<think>I th")).toEqual([{ kind: "reasoning", text: "I th" }]);
    expect(tags.push("ink.</")).toEqual([{ kind: "reasoning", text: "ink." }]);
    expect(tags.push("b> is no end.")).toEqual([{ kind: "reasoning", text: "</b> is no end." }]);
    expect(tags.push("</think>Yes")).toEqual([{ kind: "text", text: "Yes" }]);
    expect(tags.end()).toEqual([]);
  });
});

describe("text that only looks like a tag", () => {
  it.each([
    "1 < 2 and 2 > 1",
    "<b>bold</b>",
    "<thinker>",
    "<think >",
    "< think>",
    "</think> without a beginning",
    "at the end <thi",
    "at the end <",
    "<<<think",
  ])("stays text: %s", (text) => {
    expect(split([text])).toEqual([["text", text]]);
    expect(split([...text])).toEqual([["text", text]]);
  });

  it("is held back no longer than it may still become one", () => {
    const tags = new ReasoningTags(["think"]);
    expect(tags.push("1 <")).toEqual([{ kind: "text", text: "1 " }]);
    expect(tags.push("th")).toEqual([]);
    expect(tags.push("r")).toEqual([{ kind: "text", text: "<thr" }]);
  });
});

describe("a tag in code", () => {
  it.each([
    ["a fenced block", "So:\n```\n<think>\nx\n</think>\n```\nDone."],
    ["a fence with a language, of tildes", "~~~xml\n<think>x</think>\n~~~\n"],
    ["a longer fence around a shorter one", "````md\n```\n<think>\n```\n<think>\n````\n"],
    ["a fence that is still open", "```\n<think>never closed"],
    ["inline code", "Write `<think>` first, then `</think>`."],
    ["inline code of two backticks", "``a ` <think> b`` is it."],
  ])("is only talked about: %s", (_, text) => {
    expect(split([text])).toEqual([["text", text]]);
    expect(split([...text])).toEqual([["text", text]]);
  });

  it.each([
    ["after a closed fence", "```\n<think>\n```\n", "<think>hm</think>", "Yes."],
    ["after inline code", "`<think>` is ", "<think>hm</think>", "it."],
    ["in the line after a lone backtick", "a ` b\n", "<think>hm</think>", "it."],
  ])("is a tag again %s", (_, before, block, after) => {
    const expected: Split = [
      ["text", before],
      ["reasoning", "hm"],
      ["text", after],
    ];
    expect(split([before + block + after])).toEqual(expected);
    expect(split([...(before + block + after)])).toEqual(expected);
  });
});

describe("the names of the tags", () => {
  it("are the agent's own", () => {
    expect(split(["<ponder>hm</ponder><think>x</think>"], ["ponder"])).toEqual([
      ["reasoning", "hm"],
      ["text", "<think>x</think>"],
    ]);
  });

  it("may be none: then all text is text, at once", () => {
    const tags = new ReasoningTags([]);
    expect(tags.push("<think>x")).toEqual([{ kind: "text", text: "<think>x" }]);
    expect(tags.push("<")).toEqual([{ kind: "text", text: "<" }]);
    expect(tags.end()).toEqual([]);
  });
});

describe("any text", () => {
  /** Text made of what could go wrong: tags, halves of tags, line breaks, fences, and characters of two halves. */
  const awkward = fc
    .array(
      fc.oneof(
        fc.constantFrom("<think>", "</think>", "<thinking>", "</thinking>", "<THINK>", "<thi", "nk>", "</", "<", ">"),
        fc.constantFrom("\n", "\n\n", " ", "a", "word", "é", "🦊", "İ", "`", "``", "```", "\n```\n", "\n~~~\n"),
      ),
      { maxLength: 30 },
    )
    .map((pieces) => pieces.join(""));

  it("is split the same wherever it is cut", () => {
    fc.assert(
      fc.property(awkward, cuts, (text, positions) => {
        expect(split(cut(text, positions))).toEqual(split([text]));
      }),
      { numRuns: Math.min(NUM_RUNS, 2_000) },
    );
  });

  it("loses nothing but tags and the line breaks next to them", () => {
    fc.assert(
      fc.property(awkward, cuts, (text, positions) => {
        const sent = parts(cut(text, positions)).map((part) => part.text);
        const gap = "(?:\\n*</?think(?:ing)?>\\n*)*";
        const pattern = new RegExp(`^${[gap, ...sent.flatMap((part) => [literally(part), gap])].join("")}$`, "i");
        expect(text).toMatch(pattern);
      }),
      { numRuns: Math.min(NUM_RUNS, 2_000) },
    );
  });

  it("with blocks in it comes apart into exactly its blocks", () => {
    const words = fc.string({ unit: fc.constantFrom("a", "b", " ", "1", ">", "🦊", "/"), minLength: 1, maxLength: 12 });
    const breaks = fc.nat({ max: 2 }).map((count) => "\n".repeat(count));
    const block = fc.record({ name: fc.constantFrom("think", "thinking"), said: words, thought: words, breaks });
    fc.assert(
      fc.property(fc.array(block, { maxLength: 5 }), words, cuts, (blocks, last, positions) => {
        const text = blocks.map(
          ({ name, said, thought, breaks: b }) => `${said}<${name}>${b}${thought}${b}</${name}>${b}`,
        );
        const expected = blocks.flatMap(
          ({ said, thought }): Split => [
            ["text", said],
            ["reasoning", thought],
          ],
        );
        expect(split(cut(text.join("") + last, positions))).toEqual([...expected, ["text", last]]);
      }),
      { numRuns: Math.min(NUM_RUNS, 1_000) },
    );
  });

  it("without a tag in it is untouched", () => {
    const tagless = fc.string({ unit: "binary", maxLength: 60 }).filter((text) => !/<think(ing)?>/i.test(text));
    fc.assert(
      fc.property(tagless, cuts, (text, positions) => {
        expect(split(cut(text, positions))).toEqual(text === "" ? [] : [["text", text]]);
      }),
      { numRuns: Math.min(NUM_RUNS, 1_000) },
    );
  });

  it("without a < in it is never held back", () => {
    const chunks = fc.array(fc.string({ unit: "grapheme", minLength: 1 }).map((text) => text.replaceAll("<", "")));
    fc.assert(
      fc.property(chunks, (texts) => {
        const tags = new ReasoningTags(DEFAULT_TAGS);
        for (const text of texts) expect(tags.push(text)).toEqual(text === "" ? [] : [{ kind: "text", text }]);
      }),
    );
  });
});

function literally(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&");
}
