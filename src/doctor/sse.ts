/** Reads server-sent events, whoever sends them. */

/** Cuts text into SSE frames, whatever the pieces it comes in. */
export class Frames {
  #rest = "";

  push(text: string): string[] {
    const parts = (this.#rest + text).replaceAll("\r\n", "\n").split("\n\n");
    this.#rest = parts.pop() ?? "";
    return parts;
  }
}

/** What the `data:` lines of a frame say; nothing for a comment. */
export function dataOf(frame: string): string {
  const lines = frame.split("\n").filter((line) => line.startsWith("data:"));
  return lines.map((line) => line.slice(5).replace(/^ /, "")).join("\n");
}

/** Why a connection could not be made, for a person. Node tells of several addresses in an error without a message. */
export function reasonOf(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const first = error instanceof AggregateError ? (error.errors[0] as Error | undefined) : undefined;
  if (code === "ECONNREFUSED") return "The connection was refused: is the server running there?";
  return message || first?.message || code || String(error);
}
