/**
 * Returns the answer of the chaos graphs: two messages that depend on the question, so that an extra or missing word is
 * detected.
 */
export function answersTo(question: string): readonly [string[], string[]] {
  const said = (step: string) => Array.from({ length: 24 }, (_, index) => `${question}/${step}${index} `);
  return [said("a"), said("b")];
}
