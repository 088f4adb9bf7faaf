/** Returns the answer of the healthy graph. It depends on the question, so that a word of another run is detected. */
export function wordsOf(question: string): string[] {
  return Array.from({ length: 60 }, (_, index) => `${question}-${index} `);
}
