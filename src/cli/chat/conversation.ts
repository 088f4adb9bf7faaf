/** Questions and answers on one thread. */
import { randomUUID } from "node:crypto";
import type { Interrupt, Message, ResumeEntry } from "../../protocol/events.ts";
import { answerTo, questionOf } from "./answers.ts";
import { Parts } from "./parts.ts";
import { oneLine } from "./printable.ts";
import { type Ending, type RunListener, run } from "./run.ts";
import { INTERRUPTED, type Terminal } from "./terminal.ts";

export interface ConversationOptions {
  /** The server's WebSocket. */
  readonly url: string;
  readonly agent: string | undefined;
  readonly threadId: string;
}

/** Exit codes, but for {@link INTERRUPTED}. */
const EXIT = { answered: 0, failed: 1, asked: 3, cancelled: INTERRUPTED } as const;

export class Conversation {
  readonly #options: ConversationOptions;
  readonly #terminal: Terminal;
  readonly #parts = new Parts();

  constructor(options: ConversationOptions, terminal: Terminal) {
    this.#options = options;
    this.#terminal = terminal;
  }

  /** Asks, shows the answer, and has the person answer what the graph asks meanwhile. Resolves with the exit code. */
  async ask(question: string): Promise<number> {
    this.#parts.asked(performance.now());
    let messages: Message[] = [{ id: randomUUID(), role: "user", content: question }];
    let resume: ResumeEntry[] | undefined;
    for (;;) {
      const ending = await this.#run(messages, resume);
      if (ending.kind !== "asked") return EXIT[ending.kind];
      resume = await this.#answers(ending.interrupts);
      if (!resume) return EXIT.asked;
      if (!ending.refused) messages = [];
    }
  }

  /** One question after the other, until the person leaves. */
  async hold(): Promise<void> {
    for (;;) {
      this.#terminal.blank();
      const question = await this.#terminal.read("> ");
      if (question === undefined) return;
      if (question.trim() !== "") await this.ask(question);
    }
  }

  #run(messages: Message[], resume: ResumeEntry[] | undefined): Promise<Ending> {
    const { url, agent, threadId } = this.#options;
    const input = {
      threadId,
      runId: randomUUID(),
      protocolVersion: "1.0",
      messages,
      tools: [],
      context: [],
      ...(resume ? { resume } : {}),
    };
    const listener: RunListener = {
      event: (event) => {
        for (const part of this.#parts.push(event, performance.now())) this.#terminal.show(part);
      },
      gap: () => this.#parts.gap(),
      notice: (text) => this.#terminal.say(text),
      failed: (code, message) => this.#terminal.show({ kind: "error", code, message: oneLine(message) }),
    };
    return this.#terminal.during((stop) =>
      run({ url, ...(agent === undefined ? {} : { agent }), input }, listener, stop),
    );
  }

  /** What the person answers; `undefined` when there is nobody, or they leave without an answer. */
  async #answers(interrupts: readonly Interrupt[]): Promise<ResumeEntry[] | undefined> {
    const entries: ResumeEntry[] = [];
    for (const interrupt of interrupts) {
      this.#terminal.show({ kind: "question", text: questionOf(interrupt) });
      if (!this.#terminal.interactive) continue;
      const payload = await answerTo(interrupt, this.#terminal);
      if (payload === undefined) return undefined;
      entries.push({ interruptId: interrupt.id, status: "resolved", payload });
    }
    if (this.#terminal.interactive) return entries;
    this.#terminal.say("It waits for an answer, which takes a terminal to type it in.");
    return undefined;
  }
}
