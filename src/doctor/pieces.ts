/** Facts about text that arrives in pieces. */
import { createParser } from "eventsource-parser";

/** The data of server-sent events, from text in pieces. */
export class SseData {
  readonly #data: string[] = [];
  readonly #parser = createParser({ onEvent: ({ data }) => this.#data.push(data) });

  push(text: string): string[] {
    this.#parser.feed(text);
    return this.#data.splice(0);
  }
}

/** Whole lines. */
export class Lines {
  #rest = "";

  push(text: string): string[] {
    const lines = (this.#rest + text).split(/\r?\n/);
    this.#rest = lines.pop() ?? "";
    return lines;
  }
}
