/** Answers a question that comes with passages to answer it from: the demo model quotes the best paragraph. */

const PASSAGE =
  /<passage id="(?<id>.*?)" file="(?<file>.*?)" heading="(?<heading>.*)">\n(?<text>[\s\S]*?)\n<\/passage>/g;
/** In characters. No retriever returns more, and the pattern takes quadratic time. */
const MAX_LISTED = 20_000;

export function researchAnswer(asked: string): string | undefined {
  // The last passages count: earlier text is the user's.
  const start = asked.lastIndexOf("<passages>");
  const end = asked.indexOf("</passages>", start);
  if (start < 0 || end < 0) return undefined;
  const question = asked.slice(0, start).trim().slice(-1_000);
  const said = question.toLowerCase().match(/\p{L}{4,}/gu) ?? [];
  const score = (text: string) => said.filter((word) => text.toLowerCase().includes(word)).length;
  const listed = asked.slice(start, Math.min(end, start + MAX_LISTED));
  const quotes = [...listed.matchAll(PASSAGE)].flatMap(({ groups: { id, file, heading = "", text = "" } = {} }) =>
    text.split(/\n{2,}/).map((quote) => ({ id, file, heading, quote, score: 2 * score(heading) + score(quote) })),
  );
  const [best] = quotes.sort((a, b) => b.score - a.score);
  const topics = /articles about:\n(.+)\.$/m.exec(asked.slice(end))?.[1]?.replaceAll(";", ",");
  const thought = best
    ? `[${best.id}] “${best.heading}” in ${best.file} fits best.`
    : "I do not know, and have to say so.";
  const answer = best
    ? `${best.quote.replace(/\s*\n\s*/g, " ")} [${best.id}]\n\n[${best.id}] ${best.file}, ${best.heading}`
    : `I found nothing about that in the knowledge base, so I had better not answer. It has articles about: ${topics}.`;
  return `<think>\nThey ask: “${question}” ${thought}\n</think>\n\n${answer}`;
}
