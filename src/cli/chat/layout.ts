/** Formats parts as text, for a user at a terminal or for a program that reads a pipe. */
import { Folding } from "./folding.ts";
import type { Part } from "./parts.ts";

/** Text, and the stream it goes to. */
export interface Written {
  readonly stdout: string;
  readonly stderr: string;
}

export interface Layout {
  write(part: Part): Written;
  /** The person typed a line, and the cursor stands at the beginning of the next. */
  typed(): void;
}

const ANEW = "The answer begins again:";

/** The styles of text, named as in Node's `util.styleText`. */
export type Look = "dim" | "red" | "cyan" | "yellow";

/** Writes everything to stdout. Styles distinguish the answer from the rest. */
export class TerminalLayout implements Layout {
  readonly #look: (look: Look, text: string) => string;
  readonly #width: () => number;
  readonly #speech: Folding;
  readonly #lines = new Lines();
  #last: Part | undefined;

  /** `width`: of the terminal, in columns. Text is folded at its spaces. */
  constructor(look: (look: Look, text: string) => string, width: () => number = () => Number.POSITIVE_INFINITY) {
    this.#look = look;
    this.#width = width;
    this.#speech = new Folding(width);
  }

  write(part: Part): Written {
    const last = this.#last;
    this.#last = part;
    if (isSpeech(part)) {
      const goesOn = last?.kind === part.kind && last.id === part.id;
      const apart = this.#lines.apart(goesOn ? 0 : 2);
      this.#lines.wrote(part.text);
      if (!goesOn) this.#speech.reset();
      const text = this.#speech.push(part.text);
      return { stdout: apart + (part.kind === "reasoning" ? this.#look("dim", text) : text), stderr: "" };
    }
    const line = this.#line(part, last);
    if (line === "") return { stdout: "", stderr: "" };
    const apart = this.#lines.apart(last && isSpeech(last) ? 2 : 1);
    this.#lines.wrote(`${line}\n`);
    return { stdout: `${apart}${line}\n`, stderr: "" };
  }

  typed(): void {
    this.#lines.reset();
    this.#last = undefined;
  }

  /** `from`: the column that it begins at. */
  #folded(text: string, from = 0): string {
    return new Folding(this.#width, from).push(text);
  }

  #line(part: Exclude<Part, Speech>, last: Part | undefined): string {
    const dim = (text: string) => this.#look("dim", text);
    const red = (text: string) => this.#look("red", text);
    switch (part.kind) {
      case "call":
        return (
          this.#look("cyan", `▸ ${part.name}`) + (part.args && dim(this.#folded(` ${part.args}`, 2 + part.name.length)))
        );
      case "result": {
        const answersLast = last?.kind === "call" && last.id === part.id;
        const took = part.ms === undefined ? "" : dim(` · ${duration(part.ms)}`);
        const folded = this.#folded(part.text, 2 + (answersLast ? 0 : part.name.length + 2));
        const text = part.failed ? red(folded) : folded;
        return `  ${answersLast ? "" : dim(`${part.name}: `)}${text}${took}`;
      }
      case "step":
        return dim(`· ${part.name} · ${duration(part.ms)}`);
      case "custom":
        return dim(this.#folded(`· ${part.name}${part.value && ` ${part.value}`}`));
      case "question":
        return this.#look("yellow", this.#folded(part.text));
      case "notice":
        return dim(this.#folded(part.text));
      case "taken back":
        return dim(this.#folded(`· taken back: ${part.text}`));
      case "anew":
        return dim(ANEW);
      case "error":
        return red(this.#folded(`${part.code}: ${part.message}`));
      case "cancelled":
        return dim("Cancelled.");
      case "end":
        return summary(part) && dim(summary(part));
    }
  }
}

/** Writes only the answer to stdout, and notices for the user to stderr. */
export class PlainLayout implements Layout {
  readonly #lines = new Lines();
  #message = "";

  write(part: Part): Written {
    switch (part.kind) {
      case "answer": {
        const apart = this.#lines.apart(this.#message === part.id ? 0 : 1);
        this.#message = part.id;
        this.#lines.wrote(part.text);
        return { stdout: apart + part.text, stderr: "" };
      }
      case "result": {
        const took = part.ms === undefined ? "" : ` (${duration(part.ms)})`;
        return note(
          `${part.name}${part.args && ` ${part.args}`} ${part.failed ? "failed" : "gave"}: ${part.text}${took}`,
        );
      }
      case "question":
        return { stdout: this.#lines.apart(1), stderr: `sluice: The agent asks: ${part.text}\n` };
      case "notice":
        return note(part.text);
      case "taken back":
        return note(`· taken back: ${part.text}`);
      case "anew":
        this.#message = "";
        return note(ANEW);
      case "error":
        return { stdout: this.#lines.apart(1), stderr: `sluice: ${part.code}: ${part.message}\n` };
      case "cancelled":
        return { stdout: this.#lines.apart(1), stderr: "sluice: Cancelled.\n" };
      case "end":
        return { stdout: this.#lines.apart(1), stderr: "" };
      default: // These parts are only for people.
        return { stdout: "", stderr: "" };
    }
  }

  typed(): void {} // Nobody types into a pipe.
}

function note(text: string): Written {
  return { stdout: "", stderr: `${text}\n` };
}

/** Counts line breaks, so that parts are separated by exactly as many as needed. */
class Lines {
  /** Line breaks at the end of the output. Before any output there are enough. */
  #breaks = Number.POSITIVE_INFINITY;

  /** Returns the line breaks that are missing up to this number, and counts them as written. */
  apart(breaks: number): string {
    const missing = "\n".repeat(Math.max(0, breaks - this.#breaks));
    this.wrote(missing);
    return missing;
  }

  wrote(text: string): void {
    const breaks = /\n*$/.exec(text)?.[0].length ?? 0;
    this.#breaks = breaks === text.length ? this.#breaks + breaks : breaks;
  }

  reset(): void {
    this.#breaks = Number.POSITIVE_INFINITY;
  }
}

type Speech = Extract<Part, { kind: "answer" | "reasoning" }>;

function isSpeech(part: Part): part is Speech {
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
