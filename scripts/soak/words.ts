/** The answer of the healthy graph: a text that depends on its question, so that a word of another run shows. */
export function wordsOf(question: string): string[] {
  return Array.from({ length: 60 }, (_, index) => `${question}-${index} `);
}
