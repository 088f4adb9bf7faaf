import { tool } from "@langchain/core/tools";
import MiniSearch from "minisearch";
import { z } from "zod";
import type { SourceDocument } from "../documents.ts";

/** One answer of `search_docs`, which returns them as a JSON array. */
export interface FoundSection {
  title: string;
  source: string;
  excerpt: string;
}

interface Section {
  id: number;
  title: string;
  /** The headings above this one, so that "Redis" finds "Storage > Setup" under it. */
  trail: string;
  source: string;
  text: string;
}

const MAX_SECTIONS = 3;
const FENCE = /^\s*(?:```|~~~)/;
/** In characters. */
const MAX_EXCERPT = 800;

// Words that questions are made of; without them a query is what it is about.
const STOP_WORDS = new Set(
  "a about an and are as at be by can do does for from get how i if in is it me my of on one or should that the there this to use was what when where which who why will with you your".split(
    " ",
  ),
);

/** Searches Markdown documents by section. The index is built at the first search. */
export function searchDocs(documents: readonly SourceDocument[]) {
  let index: MiniSearch<Section> | undefined;

  return tool(
    ({ query }) => {
      index ??= buildIndex(documents);
      const found = index.search(query).slice(0, MAX_SECTIONS);
      if (found.length === 0) return `No section of the documents matches "${query}".`;
      return JSON.stringify(
        found.map(({ title, source, text, terms }): FoundSection => ({ title, source, excerpt: excerpt(text, terms) })),
      );
    },
    {
      name: "search_docs",
      description: "Search Sluice's documentation. Returns the best sections with their title, source and an excerpt.",
      schema: z.object({ query: z.string().min(1).max(300).describe("What to look for: a question or a few words.") }),
    },
  );
}

function buildIndex(documents: readonly SourceDocument[]): MiniSearch<Section> {
  const index = new MiniSearch<Section>({
    fields: ["title", "trail", "text"],
    storeFields: ["title", "source", "text"],
    processTerm: stem,
    searchOptions: { boost: { title: 4, trail: 2 }, prefix: (term) => term.length > 3 },
  });
  index.addAll(documents.flatMap(sections).map((section, id) => ({ ...section, id })));
  return index;
}

/** Makes one of "resume", "resumes", "resumed" and "resuming"; drops words that say nothing. */
function stem(term: string): string | null {
  const word = term.toLowerCase();
  if (STOP_WORDS.has(word)) return null;
  return word.length > 4 ? word.replace(/(?:ing|ed|es|s|e)$/, "") : word;
}

/** Splits a document at its headings. A `#` inside a fenced block is a comment, not a heading. */
function sections({ source, text }: SourceDocument): Omit<Section, "id">[] {
  const found: { title: string; trail: string; lines: string[] }[] = [{ title: source, trail: "", lines: [] }];
  const trail: string[] = [];
  let fenced = false;
  for (const line of text.split(/\r?\n/)) {
    if (FENCE.test(line)) fenced = !fenced;
    const heading = fenced ? null : /^(#{1,6})\s+(.+?)\s*#*$/.exec(line);
    if (heading) {
      const [, marks = "", title = ""] = heading;
      trail.length = Math.min(trail.length, marks.length - 1);
      found.push({ title, trail: trail.filter(Boolean).join(" > "), lines: [] });
      trail[marks.length - 1] = title;
    } else {
      found.at(-1)?.lines.push(line);
    }
  }
  return found
    .map(({ title, trail, lines }) => ({ title, trail, source, text: lines.join("\n").trim() }))
    .filter((section) => section.text !== "");
}

/**
 * From the block that holds most of the matched words, up to the limit, cut between words.
 * A fenced block that the cut leaves open is closed.
 */
function excerpt(text: string, terms: readonly string[]): string {
  const parts = blocks(text);
  const scores = parts.map((part) => terms.filter((term) => part.toLowerCase().includes(term)).length);
  const best = parts.slice(scores.indexOf(Math.max(...scores))).join("\n");
  if (best.length <= MAX_EXCERPT) return best.trim();
  const cut = `${best
    .slice(0, MAX_EXCERPT)
    .trim()
    .replace(/\s+\S*$/, "")} …`;
  const fences = cut.split("\n").filter((line) => FENCE.test(line));
  return fences.length % 2 === 0 ? cut : `${cut}\n\`\`\``;
}

/** Paragraphs and list items; a fenced block stays in one piece. Joined by line breaks they are the text again. */
function blocks(text: string): string[] {
  const found: string[][] = [[]];
  let fenced = false;
  for (const line of text.split("\n")) {
    if (!fenced && (line === "" || /^(?:[-*]|\d+\.)\s/.test(line))) found.push([]);
    if (FENCE.test(line)) fenced = !fenced;
    found.at(-1)?.push(line);
  }
  return found.map((lines) => lines.join("\n"));
}
