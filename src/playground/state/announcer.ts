/** The text for a screen reader: the answer in whole sentences, as it arrives, and notices. */
import { signal } from "@preact/signals";
import type { Said } from "../conversation/conversation.ts";

/** The number of sentences that stay in the page. Earlier ones were already read out. */
const KEPT = 12;

export interface Sentence {
  readonly id: number;
  readonly text: string;
}

export class Announcer {
  readonly sentences = signal<readonly Sentence[]>([]);
  readonly #rest = new Map<string, string>();
  #count = 0;

  hear(said: Said): void {
    if (said.kind === "notice") {
      this.#say(said.text);
      return;
    }
    const rest = this.#rest.get(said.id) ?? "";
    if (said.kind === "end") {
      this.#rest.delete(said.id);
      this.#say(rest);
      return;
    }
    // The rest contains no end of a sentence, so this text is short.
    const text = rest + said.delta;
    const end = lastEnd(text);
    this.#rest.set(said.id, text.slice(end));
    if (end > 0) this.#say(text.slice(0, end));
  }

  #say(text: string): void {
    const spoken = text.replace(/[*_`#>|]+/g, "").trim();
    if (spoken === "") return;
    this.#count += 1;
    this.sentences.value = [...this.sentences.value.slice(1 - KEPT), { id: this.#count, text: spoken }];
  }
}

/** Returns the end of the last whole sentence or line, or 0 without one. */
function lastEnd(text: string): number {
  let end = 0;
  for (const { index, 0: found } of text.matchAll(/[.!?…]["')\]]*\s|[。！？]|\n/g)) end = index + found.length;
  return end;
}

export const announcer = new Announcer();
