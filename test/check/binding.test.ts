/** docs/binding.md and the checks have the same requirements, and at least one probe tests each. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { judgeFrame } from "../../src/check/frame.ts";
import { CHAPTERS, chapterOf, REQUIREMENTS, type RequirementId } from "../../src/check/requirements.ts";
import { Sequence } from "../../src/check/sequence.ts";
import { ERRORS, type ErrorCode } from "../../src/protocol/errors.ts";
import { parseClientFrame } from "../../src/protocol/frames.ts";

const read = (path: string) => readFileSync(new URL(`../../${path}`, import.meta.url), "utf8");
const binding = read("docs/binding.md");

test("the document has every requirement, word by word, in its chapter", () => {
  const chapters = binding.split(/^## (?=\d+\. )/m).slice(1);
  expect(chapters.map((text) => text.split("\n", 1)[0])).toEqual(
    Object.entries(CHAPTERS).map(([number, title]) => `${number}. ${title}`),
  );
  const written = chapters.flatMap((text) => text.match(/^- \*\*\d+\.\d+\*\* (?:.|\n {2})+/gm) ?? []);
  const found = written.map((text) => text.replace(/\n {2}/g, " ").replace(/^- \*\*(\d+\.\d+)\*\* /, "$1 "));
  const wanted = Object.entries(REQUIREMENTS);
  expect(found).toHaveLength(wanted.length);
  wanted.forEach(([id, sentence], index) => {
    expect(found[index]).toMatch(new RegExp(`^${id.replace(".", "\\.")} `));
    expect(found[index]?.slice(id.length + 1)).toSatisfy((text: string) => text.startsWith(sentence));
  });
  for (const id of Object.keys(REQUIREMENTS)) expect(Object.keys(CHAPTERS)).toContain(chapterOf(id as RequirementId));
});

test("each requirement is reported by a probe, or by the judge of sequences", () => {
  const folder = "src/check/chapters";
  const probes = readdirSync(new URL(`../../${folder}`, import.meta.url)).map((name) => read(`${folder}/${name}`));
  const sources = [...probes, read("src/check/sequence.ts")].join("\n").replace(/tries: \[[^\]]*\]/g, "");
  const reported = Object.keys(REQUIREMENTS).filter((id) => sources.includes(`"${id}"`));
  expect(reported).toEqual(Object.keys(REQUIREMENTS));
});

test("the example's frames are legal, and so are its sequences, the second one after a gap", () => {
  const blocks = [...binding.matchAll(/^```\n([<>][\s\S]*?)^```$/gm)].map(([, block = ""]) => block);
  expect(blocks).toHaveLength(2);
  for (const block of blocks) {
    const sequence = new Sequence();
    let position: string | undefined;
    for (const line of block.trim().split("\n")) {
      const text = line.slice(2);
      if (line === "...") continue;
      if (line.startsWith("> ")) {
        parseClientFrame(text);
        continue;
      }
      const judged = judgeFrame(text);
      if ("problem" in judged) throw new Error(judged.problem);
      const { frame } = judged;
      if (frame.type === "ack") position = frame.cursor;
      if (frame.type === "gap") position = undefined;
      if (frame.type !== "event") continue;
      sequence.push(JSON.stringify(frame.data));
      const [epoch, offset] = (position ?? "").split(":");
      if (position) expect(frame.cursor).toBe(`${epoch}:${Number(offset) + (frame.n ?? 1)}`);
      position &&= frame.cursor;
    }
    sequence.end();
    expect(sequence.problems).toEqual([]);
  }
});

test("the codes of errors are Sluice's own, each as retryable as it is there", () => {
  const rows = [...binding.matchAll(/^\| (`\w+`(?:, `\w+`)*) \| .* \| (yes|no) \|$/gm)];
  expect(rows.length).toBeGreaterThan(5);
  for (const [, codes = "", retryable] of rows) {
    for (const [, code = ""] of codes.matchAll(/`(\w+)`/g)) {
      expect({ code, retryable: ERRORS[code as ErrorCode].retryable ? "yes" : "no" }).toEqual({ code, retryable });
    }
  }
});
