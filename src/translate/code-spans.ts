/** Finds code in Markdown. Reads character by character, across chunks that are cut anywhere. */

/**
 * Tracks fenced blocks (three or more backticks or tildes at the start of a line) and inline code (a run of backticks
 * up to the next run of the same length in the line). Just enough of CommonMark to distinguish a tag from talk about a
 * tag.
 */
export class CodeSpans {
  #fence: { readonly mark: string; readonly length: number } | undefined;
  #inline = 0;
  /**
   * The run of backticks or tildes that is being read. It takes effect when it has ended, because its length decides.
   */
  #mark = "";
  #run = 0;
  /** Only blanks so far in this line, when the run began. */
  #atLineStart = true;

  /** Reads on. */
  read(text: string): void {
    for (const char of text) this.#char(char);
  }

  /** Is the next character inside code, unless it is a backtick or tilde? */
  get inCode(): boolean {
    this.#endRun();
    return this.#fence !== undefined || this.#inline > 0;
  }

  #char(char: string): void {
    if (char === "`" || char === "~") {
      if (char !== this.#mark) this.#endRun();
      this.#mark = char;
      this.#run += 1;
      return;
    }
    this.#endRun();
    if (char === "\n") {
      this.#atLineStart = true;
      this.#inline = 0;
    } else if (char !== " ") {
      this.#atLineStart = false;
    }
  }

  #endRun(): void {
    const { mark, length } = { mark: this.#mark, length: this.#run };
    this.#mark = "";
    this.#run = 0;
    if (length === 0) return;
    const opensLine = this.#atLineStart;
    this.#atLineStart = false;
    if (this.#fence) {
      if (opensLine && mark === this.#fence.mark && length >= this.#fence.length) this.#fence = undefined;
    } else if (opensLine && length >= 3) {
      this.#fence = { mark, length };
    } else if (mark === "`") {
      if (this.#inline === 0) this.#inline = length;
      else if (this.#inline === length) this.#inline = 0;
    }
  }
}
