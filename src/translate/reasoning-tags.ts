/** Finds reasoning in plain text, between tags such as `<think>` and `</think>`. */
import { CodeSpans } from "./code-spans.ts";
import type { TextPart } from "./content.ts";

/**
 * Splits streamed text into text and reasoning. A tag may be cut anywhere across chunks: text that could still become
 * one is held back. A tag inside code stays text. A block that is never closed is reasoning to its end. Line breaks
 * after a tag, and before a closing one, belong to neither side.
 */
export class ReasoningTags {
  readonly #names: readonly string[];
  /** Characters of the longest opening tag. */
  readonly #longest: number;
  readonly #code = new CodeSpans();
  /** The closing tag that ends the present reasoning. */
  #closing: string | undefined;
  #held = "";
  #skipBreaks = false;

  /** `names` without brackets; none leaves all text as it is. */
  constructor(names: readonly string[]) {
    this.#names = names.map((name) => name.toLowerCase());
    this.#longest = Math.max(0, ...names.map((name) => name.length + 2));
  }

  push(text: string): TextPart[] {
    if (this.#names.length === 0) return [{ kind: "text", text }];
    const parts: TextPart[] = [];
    let rest = this.#held + text;
    this.#held = "";
    while (rest !== "") rest = this.#closing ? this.#think(rest, this.#closing, parts) : this.#say(rest, parts);
    return parts;
  }

  /** Text that was held back and turned out to be no tag. */
  end(): TextPart[] {
    const parts: TextPart[] = [];
    this.#emit(this.#held, parts);
    this.#held = "";
    return parts;
  }

  /** Reads text up to the next opening tag, and returns the rest. */
  #say(rest: string, parts: TextPart[]): string {
    let from = 0;
    for (;;) {
      const at = rest.indexOf("<", from);
      this.#code.read(rest.slice(from, at < 0 ? rest.length : at));
      if (at < 0) {
        this.#emit(rest, parts);
        return "";
      }
      if (!this.#code.inCode) {
        const ahead = rest.slice(at, at + this.#longest).toLowerCase();
        const name = this.#names.find((candidate) => ahead.startsWith(`<${candidate}>`));
        if (name !== undefined) {
          this.#emit(rest.slice(0, at), parts);
          this.#closing = `</${name}>`;
          this.#skipBreaks = true;
          return rest.slice(at + name.length + 2);
        }
        const cutOff = at + ahead.length === rest.length;
        if (cutOff && this.#names.some((candidate) => `<${candidate}>`.startsWith(ahead))) {
          this.#emit(rest.slice(0, at), parts);
          this.#held = rest.slice(at);
          return "";
        }
      }
      this.#code.read("<");
      from = at + 1;
    }
  }

  /** Reads reasoning up to its closing tag, and returns the rest. */
  #think(rest: string, closing: string, parts: TextPart[]): string {
    const at = rest.search(new RegExp(closing, "i"));
    if (at >= 0) {
      this.#emit(withoutTrailingBreaks(rest.slice(0, at)), parts);
      this.#closing = undefined;
      this.#skipBreaks = true;
      return rest.slice(at + closing.length);
    }
    // The line breaks before a closing tag are not sent, so those at the end are held too.
    const sent = withoutTrailingBreaks(rest.slice(0, rest.length - startOfTag(rest, closing)));
    this.#emit(sent, parts);
    this.#held = rest.slice(sent.length);
    return "";
  }

  #emit(text: string, parts: TextPart[]): void {
    const sent = this.#skipBreaks ? text.replace(/^\n+/, "") : text;
    if (sent === "") return;
    this.#skipBreaks = false;
    parts.push({ kind: this.#closing ? "reasoning" : "text", text: sent });
  }
}

/** The number of characters at the end of `text` that may be the beginning of `tag`. */
function startOfTag(text: string, tag: string): number {
  for (let length = Math.min(tag.length - 1, text.length); length > 0; length -= 1) {
    if (text.slice(-length).toLowerCase() === tag.slice(0, length)) return length;
  }
  return 0;
}

function withoutTrailingBreaks(text: string): string {
  let end = text.length;
  while (text[end - 1] === "\n") end -= 1;
  return text.slice(0, end);
}
