/**
 * Cuts growing Markdown into blocks. All blocks but the last are finished and never read again, so a token costs the
 * same at the end of a long answer as at its beginning.
 */

export interface Blocks {
  /** The blocks finished since the last call. */
  readonly finished: readonly Block[];
  /** The part that may still change. */
  readonly open: string;
}

export interface Block {
  readonly source: string;
  /** The block was cut because of its length, and continues in the next block. */
  readonly cut: boolean;
  /** The number of characters at its beginning that repeat the block before: the head of a table. */
  readonly repeats: number;
}

/** An open block with more characters is cut, because drawing it again would take longer and longer. */
const LONGEST = 2_400;

const FENCE = /^ {0,3}(`{3,}|~{3,})/;
const LIST_ITEM = /^ {0,3}(?:[-*+]|\d{1,9}[.)])\s/;
const TABLE_RULE = /^\s*\|?\s*:?-+:?\s*(?:\|\s*:?-+:?\s*)*\|?\s*$/;

export class BlockCutter {
  #open = "";
  /** The offset up to which the open block's lines were read. */
  #read = 0;
  #fence: string | undefined;
  /** The offset of the empty line that ends the open block, unless the next line belongs to the block. */
  #blankAt: number | undefined;
  #repeats = 0;

  /** `text`: the text added since the last call. */
  push(text: string): Blocks {
    this.#open += text;
    const finished: Block[] = [];
    while (true) {
      const end = this.#open.indexOf("\n", this.#read);
      if (end < 0) break;
      const line = this.#open.slice(this.#read, end);
      const start = this.#read;
      this.#read = end + 1;
      this.#line(line, start, finished);
    }
    if (this.#open.length > LONGEST && this.#fence === undefined) this.#cut(finished);
    return { finished, open: this.#open };
  }

  /** Whether the open block is code. Then `open` begins with its fence, and only grows. */
  get inCode(): boolean {
    return this.#fence !== undefined;
  }

  /** The `repeats` of the open block. */
  get repeats(): number {
    return this.#repeats;
  }

  #line(line: string, start: number, finished: Block[]): void {
    if (this.#fence !== undefined) {
      const closes = line.trim().startsWith(this.#fence) && line.trim().replaceAll(this.#fence[0] ?? "", "") === "";
      if (!closes) return;
      this.#fence = undefined;
      this.#finish(this.#read, finished);
      return;
    }
    if (line.trim() === "") {
      if (this.#open.slice(0, start).trim() === "") this.#drop(this.#read);
      else this.#blankAt ??= this.#read;
      return;
    }
    if (this.#blankAt !== undefined) {
      const inList = LIST_ITEM.test(this.#open);
      // Indented text continues the list item, and another item continues the list.
      if (!(inList && (/^\s/.test(line) || LIST_ITEM.test(line)))) {
        this.#finish(this.#blankAt, finished);
        start = 0;
        this.#read = line.length + 1;
      }
      this.#blankAt = undefined;
    }
    const fence = FENCE.exec(line)?.[1];
    if (fence === undefined) return;
    // Code inside a list item stays in the list's block. Other code is a separate block.
    if (start > 0 && !LIST_ITEM.test(this.#open)) {
      this.#finish(start, finished);
      this.#read = line.length + 1;
    }
    this.#fence = fence;
  }

  #finish(end: number, finished: Block[], cut = false): void {
    const block = { source: this.#open.slice(0, end), cut, repeats: this.#repeats };
    this.#drop(end);
    this.#repeats = 0;
    if (block.source.trim() !== "") finished.push(block);
  }

  #drop(end: number): void {
    this.#open = this.#open.slice(end);
    this.#read = 0;
    this.#blankAt = undefined;
  }

  /** Cuts at the end of a line where lines matter, otherwise at the end of a sentence or a word. */
  #cut(finished: Block[]): void {
    const [first = "", second = ""] = this.#open.split("\n", 2);
    const table = first.includes("|") && TABLE_RULE.test(second);
    const near = this.#open.slice(0, LONGEST);
    const line = near.lastIndexOf("\n");
    if (table || LIST_ITEM.test(this.#open)) {
      const end = this.#open.lastIndexOf("\n") + 1;
      if (end <= first.length + second.length + 2) return;
      this.#finish(end, finished, true);
      if (!table) return;
      const head = `${first}\n${second}\n`;
      this.#open = head + this.#open;
      this.#repeats = head.length;
      return;
    }
    const sentence = Math.max(near.lastIndexOf(". "), near.lastIndexOf("。"));
    const end = line > LONGEST / 2 ? line + 1 : sentence > LONGEST / 2 ? sentence + 1 : near.lastIndexOf(" ");
    this.#finish(end > 0 ? end : LONGEST, finished, true);
  }
}
