/** docs/binding.md and the checks have the same requirements, and each is tried by at least one probe. */
import { readdirSync, readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { CHAPTERS, chapterOf, REQUIREMENTS, type RequirementId } from "../../src/check/requirements.ts";

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
