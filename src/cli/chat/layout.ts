/** Parts as text: for a person at a terminal, and for a program behind a pipe. */
import type { Part } from "./parts.ts";

/** What is to be written where. */
export interface Written {
  readonly stdout: string;
  readonly stderr: string;
}

export interface Layout {
  write(part: Part): Written;
  /** The person typed a line, and the cursor stands at the beginning of the next. */
  typed(): void;
}

/** What text may look like, in the words of Node's `util.styleText`. */
export type Look = "dim" | "red" | "cyan" | "yellow";

/** Everything on stdout, what is no answer told apart by its looks. */
export class TerminalLayout implements Layout {
  readonly #look: (look: Look, text: string) => string;
  readonly #lines = new Lines();
  #last: Part | undefined;

  constructor(look: (look: Look, text: string) => string) {
    this.#look = look;
  }

  write(part: Part): Written {
    const last = this.#last;
    this.#last = part;
    const text = this.#text(part, last);
    if (isSpeech(part)) {
      const goesOn = last?.kind === part.kind && last.id === part.id;
      const stdout = this.#lines.write(text, goesOn ? 0 : 2);
      return { stdout: part.kind === "reasoning" ? this.#look("dim", stdout) : stdout, stderr: "" };
    }
    return { stdout: this.#lines.write(`${text}\n`, last && isSpeech(last) ? 2 : 1), stderr: "" };
  }

  typed(): void {
    this.#lines.reset();
    this.#last = undefined;
  }

  #text(part: Part, last: Part | undefined): string {
    const dim = (text: string) => this.#look("dim", text);
    const red = (text: string) => this.#look("red", text);
    switch (part.kind) {
      case "answer":
      case "reasoning":
        return part.text;
      case "call":
        return `${this.#look("cyan", `▸ ${part.name}`)} ${dim(part.args)}`;
      case "result": {
        const answersLast = last?.kind === "call" && last.id === part.id;
        const took = part.ms === undefined ? "" : dim(` · ${duration(part.ms)}`);
        const text = part.failed ? red(part.text) : part.text;
        return `  ${answersLast ? "" : dim(`${part.name}: `)}${text}${took}`;
      }
      case "step":
        return dim(`· ${part.name} · ${duration(part.ms)}`);
      case "custom":
        return dim(`· ${part.name} ${part.value}`);
      case "question":
        return this.#look("yellow", part.text);
      case "notice":
        return dim(part.text);
      case "error":
        return red(`${part.code}: ${part.message}`);
      case "cancelled":
        return dim("Cancelled.");
      case "end":
        return dim(summary(part));
    }
  }
}

/** The answer on stdout and nothing else; what a person should know of on stderr. */
export class PlainLayout implements Layout {
  readonly #lines = new Lines();
  #message = "";

  write(part: Part): Written {
    switch (part.kind) {
      case "answer": {
        const stdout = this.#lines.write(part.text, this.#message === part.id ? 0 : 1);
        this.#message = part.id;
        return { stdout, stderr: "" };
      }
      case "result": {
        const took = part.ms === undefined ? "" : ` (${duration(part.ms)})`;
        return note(`${part.name} ${part.args} ${part.failed ? "failed" : "gave"}: ${part.text}${took}`);
      }
      case "question":
        return { stdout: this.#lines.end(), stderr: `sluice: The agent asks: ${part.text}\n` };
      case "notice":
        return note(part.text);
      case "error":
        return { stdout: this.#lines.end(), stderr: `sluice: ${part.code}: ${part.message}\n` };
      case "cancelled":
        return { stdout: this.#lines.end(), stderr: "sluice: Cancelled.\n" };
      case "end":
        return { stdout: this.#lines.end(), stderr: "" };
      default: // For people.
        return { stdout: "", stderr: "" };
    }
  }

  typed(): void {} // Nobody does.
}

function note(text: string): Written {
  return { stdout: "", stderr: `${text}\n` };
}

/** Keeps count of line breaks, so that things can be set apart by as many as there should be and no more. */
class Lines {
  /** Line breaks at the end of what was written; of nothing there are enough. */
  #breaks = Number.POSITIVE_INFINITY;

  /** `text`, at least `apart` line breaks behind what came before. */
  write(text: string, apart: number): string {
    const before = "\n".repeat(Math.max(0, apart - this.#breaks));
    const breaks = /\n*$/.exec(text)?.[0].length ?? 0;
    this.#breaks = breaks === text.length ? this.#breaks + before.length + breaks : breaks;
    return before + text;
  }

  /** The line break that is missing, if one is. */
  end(): string {
    return this.write("", 1);
  }

  reset(): void {
    this.#breaks = Number.POSITIVE_INFINITY;
  }
}

function isSpeech(part: Part): part is Part & { kind: "answer" | "reasoning" } {
  return part.kind === "answer" || part.kind === "reasoning";
}

function summary({ reason, inputTokens, outputTokens, firstTokenMs, tokensPerSecond }: Part & { kind: "end" }): string {
  return [
    reason,
    inputTokens === undefined ? undefined : `${inputTokens} tokens in, ${outputTokens} out`,
    firstTokenMs === undefined ? undefined : `first token ${duration(firstTokenMs)}`,
    tokensPerSecond === undefined ? undefined : `${Math.round(tokensPerSecond)} tokens/s`,
  ]
    .filter((item) => item !== undefined)
    .join(" · ");
}

/** Milliseconds as a person says them: `80 ms`, `1.2 s`, `75 s`. */
function duration(ms: number): string {
  if (ms < 995) return `${Math.round(ms)} ms`;
  return `${(ms / 1_000).toFixed(ms < 10_000 ? 1 : 0)} s`;
}
