/** Questions and answers on one thread. */
import { randomUUID } from "node:crypto";
import type { Interrupt, Message, ResumeEntry } from "../../protocol/events.ts";
import { messageOf } from "../../protocol/redact.ts";
import { answerTo, type Dialogue, questionOf } from "./answers.ts";
import { MAX_ERROR, type Part, Parts } from "./parts.ts";
import { oneLine } from "./printable.ts";
import { type Ending, type RunListener, run } from "./run.ts";

/** The terminal: questions come from it and answers go to it. */
export interface Screen extends Dialogue {
  /** Is there a person to answer? */
  readonly interactive: boolean;
  show(part: Part): void;
  /** Shows an empty line. */
  blank(): void;
  /** Does work that the person can ask to stop. */
  during<T>(work: (stop: AbortSignal) => Promise<T>): Promise<T>;
}

export interface ThreadChatOptions {
  /** The server's WebSocket. */
  readonly url: string;
  /** Sent with each request. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Default: the server's first agent. */
  readonly agent: string | undefined;
  readonly threadId: string;
  /** The argument with which `sluice doctor` examines the agents. */
  readonly examined: string;
  /** The names of the agents that can be asked. */
  agents(): Promise<readonly string[]>;
}

const HELP = `/agent        lists the agents
/agent NAME   asks another agent from now on
/help         shows this
Ctrl-C stops an answer, Ctrl-D ends the conversation. Everything else is a question.`;

/** The program's exit code, by how its run ended. */
export const EXIT = { answered: 0, failed: 1, misnamed: 2, asked: 3, cancelled: 130 } as const;

export class ThreadChat {
  readonly #options: ThreadChatOptions;
  readonly #screen: Screen;
  readonly #parts = new Parts();
  #agent: string | undefined;
  #said = false;

  constructor(options: ThreadChatOptions, screen: Screen) {
    this.#options = options;
    this.#agent = options.agent;
    this.#screen = screen;
  }

  /** Asks, shows the answer, and lets the user answer the graph's questions. Resolves with the exit code. */
  async ask(question: string): Promise<number> {
    this.#parts.asked(performance.now());
    this.#said = false;
    let messages: Message[] = [{ id: randomUUID(), role: "user", content: question }];
    let resume: ResumeEntry[] | undefined;
    for (;;) {
      const ending = await this.#run(messages, resume);
      if (ending.kind === "answered" && !this.#said) {
        const agent = this.#agent === undefined ? "" : ` --agent ${this.#agent}`;
        this.#screen.say(
          `The run ended without an answer. This command shows why: sluice doctor ${this.#options.examined}${agent}`,
        );
        return EXIT.failed;
      }
      if (ending.kind !== "asked") return EXIT[ending.kind];
      resume = await this.#answers(ending.interrupts);
      if (!resume) return EXIT.asked;
      if (!ending.refused) messages = [];
    }
  }

  /** One question after the other, until the person leaves. Resolves with the exit code. */
  async hold(): Promise<number> {
    for (;;) {
      this.#screen.blank();
      const line = await this.#screen.read("> ");
      if (line === undefined) return 0;
      const [, command, name = ""] = /^\s*\/([a-z]+)(?:\s+(.*?))?\s*$/.exec(line) ?? [];
      if (command !== undefined) await this.#command(command, name);
      else if (line.trim() !== "") await this.ask(line);
    }
  }

  async #command(command: string, name: string): Promise<void> {
    const say = (text: string) => this.#screen.say(text);
    if (command === "help") return say(HELP);
    if (command !== "agent") return say(`There is no command /${command}. /help lists the commands.`);
    try {
      const agents = await this.#options.agents();
      if (agents.includes(name)) this.#agent = name;
      const [current, known] = [this.#agent ?? agents[0], agents.join(", ")];
      if (name === "" || name === current) say(`This is ${current}. Agents: ${known}`);
      else say(`There is no agent "${oneLine(name)}". Agents: ${known}`);
    } catch (thrown) {
      say(`The agents are not known: ${oneLine(messageOf(thrown), MAX_ERROR)}`);
    }
  }

  #run(messages: Message[], resume: ResumeEntry[] | undefined): Promise<Ending> {
    const [{ url, headers = {}, threadId }, agent] = [this.#options, this.#agent];
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
        for (const part of this.#parts.push(event, performance.now())) {
          this.#said ||= part.kind === "answer";
          this.#screen.show(part);
        }
      },
      gap: () => this.#parts.gap(),
      notice: (text) => this.#screen.say(oneLine(text, MAX_ERROR)),
      failed: (code, message) =>
        this.#screen.show({ kind: "error", code: oneLine(code), message: oneLine(message, MAX_ERROR) }),
    };
    return this.#screen.during((stop) =>
      run({ url, headers, ...(agent === undefined ? {} : { agent }), input }, listener, stop),
    );
  }

  /** The user's answer; `undefined` when there is no terminal, or the user leaves without an answer. */
  async #answers(interrupts: readonly Interrupt[]): Promise<ResumeEntry[] | undefined> {
    const entries: ResumeEntry[] = [];
    for (const interrupt of interrupts) {
      this.#screen.show({ kind: "question", text: questionOf(interrupt) });
      if (!this.#screen.interactive) continue;
      const payload = await answerTo(interrupt, this.#screen);
      if (payload === undefined) return undefined;
      entries.push({ interruptId: interrupt.id, status: "resolved", payload });
    }
    if (this.#screen.interactive) return entries;
    this.#screen.say("The graph waits for an answer. To type one, run this command in a terminal.");
    return undefined;
  }
}
