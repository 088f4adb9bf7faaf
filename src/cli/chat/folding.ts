/** Folds text that comes in pieces at its spaces, so that a terminal cuts no word in two. */

/** Removes a word that is too long for its line: moves to the line's start, then to the word's, and clears the rest. */
const takeBack = (column: number) => `\r${column > 0 ? `\x1b[${column}C` : ""}\x1b[K\n`;

export class Folding {
  readonly #width: () => number;
  #column: number;
  /** The word at the end of the text so far, and its width. */
  #word = "";
  #wordWidth = 0;

  /** `width`: the columns of a line. `column`: where the text begins. */
  constructor(width: () => number, column = 0) {
    this.#width = width;
    this.#column = column;
  }

  /** New text begins at the start of a line. */
  reset(): void {
    this.#column = 0;
    this.#begin();
  }

  /** The text to write for the next piece. */
  push(text: string): string {
    const width = this.#width();
    let out = "";
    /** The place in `out` where the word begins; -1: an earlier piece began it. */
    let at = -1;
    const begin = () => {
      this.#begin();
      at = out.length;
    };
    for (const character of text) {
      const columns = columnsOf(character);
      if (character === "\n") {
        this.#column = 0;
        out += character;
        begin();
        continue;
      }
      if (this.#column + columns > width) {
        const start = this.#column - this.#wordWidth;
        const isWhole = character === " " || this.#word === "" || start === 0;
        if (isWhole) out += "\n";
        else out = at < 0 ? `${out}${takeBack(start)}${this.#word}` : `${out.slice(0, at)}\n${this.#word}`;
        this.#column = isWhole ? 0 : this.#wordWidth;
        if (isWhole) begin();
        else at = out.length - this.#word.length;
        if (character === " ") continue;
      }
      out += character;
      this.#column += columns;
      this.#word += character;
      this.#wordWidth += columns;
      // Scripts with wide characters have no spaces: a line may end after each.
      if (character === " " || columns === 2) begin();
    }
    return out;
  }

  #begin(): void {
    this.#word = "";
    this.#wordWidth = 0;
  }
}

const WIDE =
  /^[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\ua960-\ua97c\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6\u{1f300}-\u{1f64f}\u{1f680}-\u{1faff}\u{20000}-\u{3fffd}]/u;

function columnsOf(character: string): number {
  if (/^[\p{Mn}\p{Me}\p{Cf}]/u.test(character)) return 0;
  return WIDE.test(character) ? 2 : 1;
}
