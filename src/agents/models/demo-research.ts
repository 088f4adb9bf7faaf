/** What the demo model does with a question that comes with passages to answer it from: it quotes the best of them. */
import { type BaseMessage, HumanMessage } from "@langchain/core/messages";

interface Passage {
  readonly id: string;
  readonly file: string;
  readonly heading: string;
  readonly paragraphs: readonly string[];
}

/** A paragraph that says something about the question. */
interface Quote {
  readonly passage: Passage;
  readonly text: string;
  /** The question's words that are in it, or in its heading. */
  readonly words: readonly string[];
  readonly score: number;
}

const PASSAGE = /<passage id="([^"]*)" file="([^"]*)" heading="(.*)">\n([\s\S]*?)\n<\/passage>/g;
/** In characters, from the end; what comes before is not read. */
const MAX_LENGTH = 1_000;
/** In characters. More is no retriever's, and the pattern takes quadratic time. */
const MAX_LISTED = 20_000;
/** Words that are in every question, and short ones. */
const FILLER =
  /^(?:.{1,3}|what|when|where|which|whose|does|have|there|they|them|that|this|with|from|tell|about|much|many|work)$/;

/** The answer to the last message, if it brings passages. With thoughts before it, if the request orders them. */
export function researchAnswer(messages: readonly BaseMessage[]): string | undefined {
  const asked = messages.findLast((message) => HumanMessage.isInstance(message))?.text ?? "";
  // The last ones: what comes before is the person's own.
  const start = asked.lastIndexOf("<passages>");
  const end = asked.indexOf("</passages>", start);
  if (start < 0 || end < 0) return undefined;
  const question = asked.slice(0, start).trim().slice(-MAX_LENGTH);
  const listed = asked.slice(start, Math.min(end, start + MAX_LISTED));
  const passages = [...listed.matchAll(PASSAGE)].map(
    ([, id = "", file = "", heading = "", text = ""]): Passage => ({
      id,
      file,
      heading,
      paragraphs: text.split(/\n{2,}/),
    }),
  );
  const quotes = quotesFor(question, passages);
  const answer = quotes.length > 0 ? cited(quotes) : nothing(asked.slice(start));
  const orderedToThink = /between <think> and <\/think>/.test(asked);
  return `${orderedToThink ? `<think>\n${thoughts(question, passages, quotes)}\n</think>\n\n` : ""}${answer}\n\n(demo model)`;
}

/** The paragraph that says most about the question, and one of another passage if it has what the first leaves out. */
function quotesFor(question: string, passages: readonly Passage[]): Quote[] {
  const asked = [...new Set(question.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])].filter(
    (word) => !FILLER.test(word),
  );
  const quotes = passages.flatMap((passage) =>
    passage.paragraphs.map((text): Quote => {
      const inHeading = asked.filter((word) => has(passage.heading.split(" > ").at(-1) ?? "", word));
      const words = asked.filter((word) => has(passage.heading, word) || has(text, word));
      return { passage, text, words, score: words.length + 2 * inHeading.length };
    }),
  );
  const first = best(quotes);
  if (!first) return [];
  const open = asked.filter((word) => !first.words.includes(word));
  const others = quotes.filter(
    ({ passage, words }) => passage !== first.passage && words.some((word) => open.includes(word)),
  );
  const second = best(others);
  return second ? [first, second] : [first];
}

function best(quotes: readonly Quote[]): Quote | undefined {
  return quotes.reduce<Quote | undefined>((a, b) => (a && a.score >= b.score ? a : b), undefined);
}

/** Is the word in the text, whatever its ending? */
function has(text: string, word: string): boolean {
  const stem = word.length > 4 ? word.replace(/(?:ing|ed|es|s|e)$/, "") : word;
  return new RegExp(String.raw`(?<!\p{L})${stem}`, "iu").test(text);
}

function cited(quotes: readonly Quote[]): string {
  const paragraphs = quotes.map(({ text, passage: { id } }) => `${text.replace(/\s*\n\s*/g, " ")} [${id}]`);
  const sources = quotes.map(({ passage: { id, file, heading } }) => `[${id}] ${file}, ${heading}`);
  return `${paragraphs.join("\n\n")}\n\n${sources.join("  \n")}`;
}

/** `instruction`: what the request says about a question that found nothing. */
function nothing(instruction: string): string {
  const topics = /articles about:\n(.+)/.exec(instruction)?.[1]?.replace(/\.$/, "").split("; ") ?? [];
  const known = topics.length > 0 ? ` It has articles about: ${topics.join(", ")}.` : "";
  return `I found nothing about that in the knowledge base, so I had better not answer.${known}`;
}

function thoughts(question: string, passages: readonly Passage[], [first, second]: readonly Quote[]): string {
  const start = `They ask: “${question}”`;
  if (!first) return `${start} No passage came with it. So I do not know, and have to say so.`;
  const { id, heading, file } = first.passage;
  const given =
    passages.length === 1 ? "One passage came with it:" : `Of the ${passages.length} passages that came with it,`;
  const fits = passages.length === 1 ? "" : " fits best";
  const about = first.words.length > 0 ? `. It speaks of ${first.words.join(", ")}` : "";
  const more = second ? ` It leaves something open that is in [${second.passage.id}] “${second.passage.heading}”.` : "";
  return `${start} ${given} [${id}] “${heading}” in ${file}${fits}${about}.${more} I quote what they say.`;
}
