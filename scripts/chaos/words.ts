/** The answer of the chaos' graph: two messages that depend on the question, so that a word too many or too few shows. */
export function answersTo(question: string): readonly [string[], string[]] {
  const said = (step: string) => Array.from({ length: 24 }, (_, index) => `${question}/${step}${index} `);
  return [said("a"), said("b")];
}
