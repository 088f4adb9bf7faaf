/** Reads documents, and finds the sections that answer a question. */
import { readdir, readFile } from "node:fs/promises";
import { join, sep } from "node:path";
import MiniSearch from "minisearch";

/** A Markdown or plain text document. */
export interface SourceDocument {
  /** The name in citations: a file name such as `README.md`, or a path such as `rivers/weirs.md`. */
  readonly source: string;
  /** The whole text. */
  readonly text: string;
}

/** The text of a document under one of its headings. */
export interface Section {
  readonly title: string;
  /** The headings above this one, so that "Redis" finds "Storage > Setup" under it. */
  readonly trail: string;
  readonly source: string;
  readonly text: string;
}

/** A section that a query found. */
export interface FoundSection extends Section {
  /** The words of the section that matched. */
  readonly terms: readonly string[];
  /** The share of the query that matched: 1 when every meaningful word matched. */
  readonly coverage: number;
}

/** Finds sections by what they say, the best first. */
export interface DocumentIndex {
  search(query: string): FoundSection[];
}

const SHIPPED = ["README.md", "PROTOCOL.md", "ARCHITECTURE.md"];
const SHIPPED_FOLDER = "docs";

/**
 * Reads the documents about Sluice that ship with the package: those of its root, and the pages in `docs`. A missing file
 * or folder is skipped, since an installation may leave some out.
 *
 * @param root - the package's root directory
 * @throws any other read error (a directory in place of a file, no permission)
 */
export async function loadDocuments(root: string): Promise<SourceDocument[]> {
  const documents = await Promise.all([...SHIPPED, ...(await pages(root))].map((source) => load(root, source)));
  return documents.filter((document) => document !== undefined);
}

async function pages(root: string): Promise<string[]> {
  try {
    const names = await readdir(join(root, SHIPPED_FOLDER));
    return names.filter((name) => name.endsWith(".md")).map((name) => `${SHIPPED_FOLDER}/${name}`);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

async function load(root: string, source: string): Promise<SourceDocument | undefined> {
  try {
    return { source, text: await readFile(join(root, source), "utf8") };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
    throw error;
  }
}

/**
 * Reads every `.md` and `.txt` file in a folder and the folders in it.
 *
 * @throws the system's error when there is no such folder, or a file cannot be read
 */
export async function loadFolder(folder: string): Promise<SourceDocument[]> {
  const names = await readdir(folder, { recursive: true });
  const files = names.filter((name) => /\.(?:md|txt)$/i.test(name)).sort();
  return Promise.all(
    files.map(async (name) => ({
      source: name.split(sep).join("/"),
      text: await readFile(join(folder, name), "utf8"),
    })),
  );
}

// Words that say nothing about the topic of a question.
const STOP_WORDS = new Set(
  (
    "a about an and any are as at be been by can could did do does exactly explain for from get had has have how i if " +
    "in into is it its me more my of on one or please really s should so t tell than that the their them then there " +
    "they this those to us use very was we were what when where which who whose why will with would you your"
  ).split(" "),
);

/** An index of the documents' sections, built at the first search. Ranks by BM25. */
export function documentIndex(documents: readonly SourceDocument[]): DocumentIndex {
  let index: MiniSearch<Section & { id: number }> | undefined;
  return {
    search(query) {
      index ??= buildIndex(documents);
      const asked = contentWords(query).length;
      return index.search(query).map(({ title, trail, source, text, terms, queryTerms }) => ({
        ...{ title, trail, source, text, terms },
        coverage: queryTerms.length / Math.max(asked, 1),
      }));
    },
  };
}

function buildIndex(documents: readonly SourceDocument[]): MiniSearch<Section & { id: number }> {
  const index = new MiniSearch<Section & { id: number }>({
    fields: ["title", "trail", "text"],
    storeFields: ["title", "trail", "source", "text"],
    tokenize,
    processTerm: stem,
    searchOptions: { boost: { title: 4, trail: 2 }, prefix: (term) => term.length > 3 },
  });
  index.addAll(documents.flatMap(sections).map((section, id) => ({ ...section, id })));
  return index;
}

/** The meaningful words of a text, each once, as the index holds them. */
export function contentWords(text: string): string[] {
  return [...new Set(tokenize(text).flatMap((word) => stem(word) ?? []))];
}

const split = MiniSearch.getDefault("tokenize") as (text: string) => string[];
const unspaced = new Intl.Segmenter(undefined, { granularity: "word" });
/**
 * Each segment holds a copy of the whole text that was segmented. Long texts are split first, so that the copies do not
 * fill the memory.
 */
const STRETCH = /.{1,200}/gsu;

/** Splits text into words. Chinese, Japanese and Thai have no spaces between words. */
function tokenize(text: string): string[] {
  return split(text).flatMap((word) =>
    /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}]/u.test(word)
      ? (word.match(STRETCH) ?? []).flatMap((stretch) => [...unspaced.segment(stretch)].map(({ segment }) => segment))
      : word,
  );
}

/** Makes one of "resume", "resumes", "resumed" and "resuming"; drops words that say nothing. */
function stem(term: string): string | null {
  const word = term.toLowerCase();
  if (word === "" || STOP_WORDS.has(word)) return null;
  return word.length > 4 ? word.replace(/(?:ing|ed|es|s|e)$/, "") : word;
}

const FENCE = /^\s*(?:```|~~~)/;

/** Splits a document at its headings. A `#` inside a fenced block is a comment, not a heading. */
function sections({ source, text }: SourceDocument): Section[] {
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
 * The part of a section to show. It begins at the block with most of the matched words, and is cut between words.
 * A fenced block that the cut leaves open is closed.
 *
 * @param limit - in characters
 */
export function excerpt({ text, terms }: Pick<FoundSection, "text" | "terms">, limit: number): string {
  const parts = blocks(text);
  const scores = parts.map((part) => terms.filter((term) => part.toLowerCase().includes(term)).length);
  const best = text.length <= limit ? text : parts.slice(scores.indexOf(Math.max(...scores))).join("\n");
  if (best.length <= limit) return best.trim();
  const cut = `${best
    .slice(0, limit)
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

/** Lines that belong to no paragraph: empty lines, headings, rows of tables, quotes, rules. */
const ALONE = /^\s*(?:$|#{1,6}\s|\||>|(?:[-*_]\s*){3,}$)/;
const INDENTED = /^(?: {4}|\t)/;
const ITEM = /^\s*(?:[-*+]|\d+[.)])\s/;
/** A link to a place among the documents. Code is matched first, so that no link is found inside it. */
const RELATIVE_LINK = /(`+).*?\1|!?\[((?:`[^`]*`|[^\][`])*)\]\((?![a-z][a-z\d+.-]*:|\/\/)[^()\s]*\)/gi;

/** Markdown for a reader elsewhere: relative links become plain words, and each paragraph becomes one line. */
export function readable(markdown: string): string {
  const lines: { text: string; fenced: boolean }[] = [];
  let fenced = false;
  let open = false;
  for (const line of markdown.split(/\r?\n/)) {
    const fence = FENCE.test(line);
    const item = ITEM.test(line);
    // Indented lines below an open line belong to it, and are no code.
    const alone: boolean = fenced || fence || ALONE.test(line) || (!open && INDENTED.test(line));
    const last = lines.at(-1);
    if (last && open && !alone && !item) last.text += ` ${line.trim()}`;
    else lines.push({ text: line, fenced: fenced || fence });
    open = !alone;
    if (fence) fenced = !fenced;
  }
  return lines.map(({ text, fenced }) => (fenced ? text : withoutRelativeLinks(text))).join("\n");
}

function withoutRelativeLinks(text: string): string {
  return text.replace(RELATIVE_LINK, (whole: string, _ticks: unknown, words: string | undefined) => words ?? whole);
}
