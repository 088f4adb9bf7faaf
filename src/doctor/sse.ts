/** Reads server-sent events, whoever sends them. */

/** Cuts text into SSE frames, or at another end, whatever the pieces it comes in. */
export class Frames {
  readonly #end: string;
  #rest = "";

  constructor(end = "\n\n") {
    this.#end = end;
  }

  push(text: string): string[] {
    const parts = (this.#rest + text).replaceAll("\r\n", "\n").split(this.#end);
    this.#rest = parts.pop() ?? "";
    return parts;
  }
}

/** What the `data:` lines of a frame say; nothing for a comment. */
export function dataOf(frame: string): string {
  const lines = frame.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}
