/** A screen reader's words for an answer that comes in tokens. */
import { expect, test } from "vitest";
import { Announcer } from "../../src/playground/state/announcer.ts";

function heard(tokens: readonly string[], ended = true): string[] {
  const announcer = new Announcer();
  const all: string[] = [];
  for (const delta of tokens) {
    announcer.hear({ kind: "text", id: "m", delta });
    const last = announcer.sentences.value.at(-1)?.text;
    if (last !== undefined && last !== all.at(-1)) all.push(last);
  }
  if (ended) announcer.hear({ kind: "end", id: "m" });
  const last = announcer.sentences.value.at(-1)?.text;
  if (last !== undefined && last !== all.at(-1)) all.push(last);
  return all;
}

test("sentences, not tokens", () => {
  expect(heard(["12", " *", " 7", " =", " 84.", " That", " is", " 3.5", " more", "!", " Good"])).toEqual([
    "12  7 = 84.",
    "That is 3.5 more!",
    "Good",
  ]);
});

test("nothing before a sentence is whole", () => {
  expect(heard(["The answer", " is"], false)).toEqual([]);
});

test("lines are sentences, and what only marks them is not read", () => {
  expect(heard(["# Title\n", "- **one**\n", "- `two`\n", "\n"])).toEqual(["Title", "- one", "- two"]);
});

test("sentences in Chinese end without a space", () => {
  expect(heard(["你好。", "再见"])).toEqual(["你好。", "再见"]);
});

test("older sentences are let go of", () => {
  const announcer = new Announcer();
  for (let i = 0; i < 100; i += 1) announcer.hear({ kind: "notice", text: `Sentence ${i}.` });
  expect(announcer.sentences.value.length).toBeLessThanOrEqual(12);
  expect(announcer.sentences.value.at(-1)?.text).toBe("Sentence 99.");
});
