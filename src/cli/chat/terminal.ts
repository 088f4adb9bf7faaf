/** The terminal or the pipes: shows output, reads input, and handles Ctrl-C. */
import { createInterface } from "node:readline";
import { text } from "node:stream/consumers";
import { styleText } from "node:util";
import { type Layout, PlainLayout, TerminalLayout } from "./layout.ts";
import type { Part } from "./parts.ts";
import { EXIT, type Screen } from "./thread-chat.ts";

/**
 * One Ctrl-C may come as two signals: npx and tsx pass their signal on to a program that has already received one. In
 * milliseconds.
 */
const SAME_PRESS_MS = 300;

export class Terminal implements Screen {
  readonly interactive = Boolean(process.stdin.isTTY && process.stdout.isTTY);
  readonly #layout: Layout;
  #history: string[] = [];
  #work: AbortController | undefined;
  readonly #after: string[] = [];
  #signalledAt = Number.NEGATIVE_INFINITY;

  constructor() {
    const { stdout } = process;
    this.#layout = stdout.isTTY
      ? new TerminalLayout(
          (look, words) => styleText(look, words, { stream: stdout }),
          () => stdout.columns || Number.POSITIVE_INFINITY,
        )
      : new PlainLayout();
    for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.on(signal, () => this.#signalled());
    // The reader of stdout is gone: `head` has its lines, or the window was closed.
    stdout.once("error", () => this.#interrupt());
    for (const stream of [stdout, process.stderr]) stream.on("error", () => {});
  }

  show(part: Part): void {
    const { stdout, stderr } = this.#layout.write(part);
    if (stdout) process.stdout.write(stdout);
    if (stderr) process.stderr.write(stderr);
  }

  blank(): void {
    process.stdout.write("\n");
  }

  say(line: string): void {
    this.show({ kind: "notice", text: line });
  }

  /** The whole of stdin when it is piped; `undefined` when a person could type. */
  async piped(): Promise<string | undefined> {
    return process.stdin.isTTY ? undefined : (await text(process.stdin)).trim();
  }

  /** The line a person types, or the lines that they paste; `undefined` when they press Ctrl-D. */
  read(prompt: string): Promise<string | undefined> {
    const reader = createInterface({ input: process.stdin, output: process.stdout, history: this.#history });
    const lines: string[] = [];
    return new Promise((resolve) => {
      reader.on("history", (history) => {
        this.#history = history;
      });
      reader.on("SIGINT", () => this.#interrupt());
      reader.on("line", (line) => {
        lines.push(line);
        // Pasted lines come at once, except the last, which waits for Enter.
        setImmediate(() => reader.line === "" && reader.close());
      });
      reader.on("close", () => {
        if (lines.length === 0) process.stdout.write("\n");
        this.#layout.typed();
        resolve(lines.length === 0 ? undefined : lines.join("\n"));
      });
      reader.setPrompt(prompt);
      reader.prompt();
    });
  }

  /** The first Ctrl-C asks the work to stop. A second Ctrl-C, or one while no work is active, ends the process. */
  async during<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T> {
    const controller = new AbortController();
    this.#work = controller;
    try {
      return await work(controller.signal);
    } finally {
      this.#work = undefined;
      for (const text of this.#after.splice(0)) this.say(text);
    }
  }

  /** Shows a line after the active work, or at once if there is none. */
  sayAfter(text: string): void {
    if (this.#work) this.#after.push(text);
    else this.say(text);
  }

  #signalled(): void {
    const now = performance.now();
    if (now - this.#signalledAt < SAME_PRESS_MS) return;
    this.#signalledAt = now;
    this.#interrupt();
  }

  #interrupt(): void {
    if (this.#work && !this.#work.signal.aborted) {
      this.#work.abort();
      return;
    }
    if (process.stdout.isTTY) this.blank(); // The shell's prompt needs its own line.
    process.exit(EXIT.cancelled);
  }
}
