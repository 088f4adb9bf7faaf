/** Draws Markdown that grows: finished blocks once, and the open block again as often as that is cheap. */
import { BlockCutter } from "./blocks.ts";
import { codeFrame, renderMarkdown } from "./render.ts";

/** The largest share of the time that drawing may take. */
const SHARE = 0.15;
/** Code is laid out in pieces of this many characters, so that a new line does not move the earlier lines. */
const PIECE = 2_000;

export class GrowingMarkdown {
  readonly #root: HTMLElement;
  #cutter = new BlockCutter();
  #text = "";
  /** The parts of a block that was cut because of its length. In the end they are drawn as one block. */
  #cuts: { element: HTMLElement; source: string }[] = [];
  #open: HTMLElement | undefined;
  #openSource = "";
  #code: { element: HTMLElement; shown: number; begin: number } | undefined;
  #notBefore = 0;
  #later: ReturnType<typeof setTimeout> | undefined;

  constructor(root: HTMLElement) {
    this.#root = root;
  }

  /** `text`: the whole text. `done`: the text is finished. */
  show(text: string, done: boolean): void {
    if (!text.startsWith(this.#text.slice(0, 64)) || text.length < this.#text.length) this.#reset();
    clearTimeout(this.#later);
    const wait = this.#notBefore - performance.now();
    if (wait > 0 && !done) {
      this.#later = setTimeout(() => this.show(text, done), wait);
      return;
    }
    const began = performance.now();
    this.#draw(text, done);
    const now = performance.now();
    this.#notBefore = now + (now - began) / SHARE;
  }

  stop(): void {
    clearTimeout(this.#later);
  }

  #reset(): void {
    this.#root.replaceChildren();
    this.#cutter = new BlockCutter();
    this.#text = this.#openSource = "";
    this.#cuts = [];
    this.#open = this.#code = undefined;
  }

  #draw(text: string, done: boolean): void {
    const { finished, open } = this.#cutter.push(text.slice(this.#text.length));
    this.#text = text;
    for (const { source, cut, repeats } of finished) {
      const element = this.#place(source);
      if (cut || this.#cuts.length > 0) this.#cuts.push({ element, source: source.slice(repeats) });
      if (!cut) this.#join();
    }
    if (open !== this.#openSource || finished.length > 0) this.#drawOpen(open, done);
    if (!done) return;
    if (this.#open && this.#cuts.length > 0)
      this.#cuts.push({ element: this.#open, source: this.#openSource.slice(this.#cutter.repeats) });
    this.#join();
  }

  #drawOpen(source: string, done: boolean): void {
    this.#openSource = source;
    if (source.trim() === "") {
      this.#open?.remove();
      this.#open = this.#code = undefined;
    } else if (this.#cutter.inCode && !done && /^ {0,3}[`~]/.test(source)) {
      this.#drawCode(source);
    } else {
      this.#code = undefined;
      this.#open ??= this.#append();
      this.#open.replaceChildren(renderMarkdown(source));
    }
  }

  /** Appends to open code, which only grows. */
  #drawCode(source: string): void {
    const begin = source.indexOf("\n") + 1;
    if (begin === 0) return; // Its language is not known yet.
    if (!this.#code) {
      const language = source.slice(0, begin).replace(/[`~\s]/g, "");
      const { frame, code } = codeFrame(language);
      this.#open ??= this.#append();
      this.#open.replaceChildren(frame);
      this.#code = { element: code, shown: begin, begin };
    }
    const { element, shown } = this.#code;
    const last = element.lastElementChild;
    const added = source.slice(shown);
    if (last && (last.textContent?.length ?? 0) < PIECE) last.append(added);
    else {
      const piece = document.createElement("span");
      piece.className = "piece";
      piece.append(added);
      element.append(piece);
    }
    this.#code.shown = source.length;
  }

  /** Draws a finished block, in place of the open one if there is one. */
  #place(source: string): HTMLElement {
    const element = this.#open ?? this.#append();
    this.#open = this.#code = undefined;
    element.replaceChildren(renderMarkdown(source));
    return element;
  }

  /** Draws the parts of a cut block as one block. */
  #join(): void {
    const [first, ...others] = this.#cuts;
    this.#cuts = [];
    if (!first || others.length === 0) return;
    first.element.replaceChildren(renderMarkdown([first, ...others].map(({ source }) => source).join("")));
    for (const { element } of others) element.remove();
  }

  #append(): HTMLElement {
    const block = document.createElement("div");
    block.className = "block";
    this.#root.append(block);
    return block;
  }
}
