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
  /** The question's words that are in it. */
  readonly words: readonly string[];
}

const PASSAGES = /<passages>([\s\S]*?)<\/passages>/;
const PASSAGE = /<passage id="([^"]*)" file="([^"]*)" heading="([^"]*)">\n([\s\S]*?)\n<\/passage>/g;
/** Words that are in every question, and short ones. */
const FILLER =
  /^(?:.{1,3}|what|when|where|which|whose|does|have|there|they|them|that|this|with|from|tell|about|much|many|work)$/;

/** The answer to the last message, if it brings passages. With thoughts before it, if the request orders them. */
export function researchAnswer(messages: readonly BaseMessage[]): string | undefined {
  const asked = messages.findLast((message) => HumanMessage.isInstance(message))?.text ?? "";
  const given = PASSAGES.exec(asked);
  if (!given) return undefined;
  const question = asked.slice(0, given.index).trim();
  const passages = [...(given[1] ?? "").matchAll(PASSAGE)].map(
    ([, id = "", file = "", heading = "", text = ""]): Passage => ({
      id,
      file,
      heading,
      paragraphs: text.split(/\n{2,}/),
    }),
  );
  const quotes = quotesFor(question, passages);
  const answer = quotes.length > 0 ? cited(quotes) : nothing(asked.slice(given.index + given[0].length));
  const orderedToThink = /between <think> and <\/think>/.test(asked);
  return `${orderedToThink ? `<think>\n${thoughts(question, passages, quotes)}\n</think>\n\n` : ""}${answer}\n\n(demo model)`;
}

/** The best paragraph of the best passage, and one of another passage if it says something that the first does not. */
function quotesFor(question: string, passages: readonly Passage[]): Quote[] {
  const words = [...new Set(question.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? [])].filter(
    (word) => !FILLER.test(word),
  );
  const best = passages.map((passage): Quote => {
    const quotes = passage.paragraphs.map((text) => ({
      passage,
      text,
      words: words.filter((word) => has(text, word)),
    }));
    return quotes.reduce((a, b) => (b.words.length > a.words.length ? b : a));
  });
  const [first, ...others] = best;
  if (!first) return [];
  const news = ({ words: said, passage }: Quote) =>
    said.filter((word) => !has(first.text, word) || has(passage.heading, word)).length;
  const second = others.reduce<Quote | undefined>((a, b) => (news(b) > (a ? news(a) : 0) ? b : a), undefined);
  return second ? [first, second] : [first];
}

/** Is the word in the text, whatever its ending? */
function has(text: string, word: string): boolean {
  const stem = word.length > 4 ? word.replace(/(?:ing|ed|es|s|e)$/, "") : word;
  return new RegExp(String.raw`(?<!\p{L})${stem}`, "iu").test(text);
}

function cited(quotes: readonly Quote[]): string {
  const paragraphs = quotes.map(({ text, passage: { id } }) => `${text} [${id}]`);
  const sources = quotes.map(({ passage: { id, file, heading } }) => `[${id}] ${file}, ${heading}`);
  return `${paragraphs.join("\n\n")}\n\n${sources.join("  \n")}`;
}

/** `instruction`: what the request says about a question that found nothing. */
function nothing(instruction: string): string {
  const topics = /articles about:\n(.+)/.exec(instruction)?.[1]?.replace(/\.$/, "").split("; ") ?? [];
  const known = topics.length > 0 ? ` It has articles about: ${topics.join(", ")}.` : "";
  return `I found nothing about that in the knowledge base, so I had better not answer.${known}`;
}

function thoughts(question: string, passages: readonly Passage[], quotes: readonly Quote[]): string {
  if (passages.length === 0)
    return `They ask: “${question}” No passage came with it. So I do not know, and have to say so.`;
  const found = passages.map(({ id, file, heading }) => `[${id}] “${heading}” in ${file}`).join(", ");
  const [first, second] = quotes;
  const words = first && first.words.length > 0 ? `, it has the words ${first.words.join(", ")}` : "";
  const also = second
    ? ` [${second.passage.id}] adds something about ${second.words.join(", ")}.`
    : " The others add nothing that was asked for.";
  return `They ask: “${question}” I was given ${found}. The answer is in [${first?.passage.id}]${words}.${passages.length > 1 ? also : ""}`;
}
