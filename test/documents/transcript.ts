/** A terminal transcript of the documents, compared with the real one: ids and times differ from run to run. */

/** A typed line, and the output after it. */
export interface Turn {
  readonly typed: string;
  readonly said: string;
}

/** Cuts a transcript into turns. Typed lines begin with the prompt. Text before the first turn is ignored. */
export function turnsOf(transcript: string, prompt: "$ " | "> "): Turn[] {
  const parts = `\n${transcript}`.split(`\n${prompt}`).slice(1);
  return parts.map((part) => {
    const [typed = "", ...said] = part.split("\n");
    return { typed, said: said.join("\n") };
  });
}

/** Parts of a transcript that are of one run, each with a pattern for any run. */
const VARIES: readonly [RegExp, string][] = [
  [/^\.\.\.\n/, "(?:.*\\n)*?"],
  [/^\{\.\.\.\}/, "\\{.*\\}"],
  [/^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/, "[0-9a-f-]{36}"],
  [/^"threadId":"\w+"/, '"threadId":"[^"]+"'],
  [/^"timestamp":\d+/, '"timestamp":\\d+'],
  // A busy machine takes seconds.
  [/^\d+ ms/, "(?:\\d+ ms|[\\d.]+ s)"],
  [/^\d+ (?=tokens\/s)/, "\\d+ "],
];

/**
 * Returns a pattern for the terminal's output of which the transcript shows one case. A line `...` stands for any
 * lines.
 */
export function patternOf(said: string): RegExp {
  let rest = said;
  let pattern = "";
  while (rest !== "") {
    const [found, any] = VARIES.find(([each]) => each.test(rest)) ?? [/^[\s\S]/, undefined];
    const [text = ""] = found.exec(rest) ?? [];
    // Spaces at the end of a line are not seen.
    pattern += any ?? (text === "\n" ? "[ \\t]*\\n" : text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
    rest = rest.slice(text.length);
  }
  return new RegExp(`^${pattern}$`);
}
