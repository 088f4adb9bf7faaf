/** Questions of a connection that the server has not answered. They are sent again after a reconnect. */
import type { ServerFrame } from "../protocol/frames.ts";
import { ConnectionError } from "./connection-error.ts";

export interface Question {
  readonly text: string;
  readonly answered: (answer: ServerFrame) => void;
  readonly failed: (error: ConnectionError) => void;
}

/** The most questions that may wait for an answer; one more fails with `overloaded`. */
export const MAX_QUESTIONS = 64;

export class Questions {
  readonly #waiting = new Map<string, Question>();

  get full(): boolean {
    return this.#waiting.size >= MAX_QUESTIONS;
  }

  /** In the order in which they were asked. */
  get all(): [id: string, question: Question][] {
    return [...this.#waiting];
  }

  has(id: string | undefined): boolean {
    return this.#waiting.has(id ?? "");
  }

  add(id: string, question: Question): void {
    this.#waiting.set(id, question);
  }

  /** Takes out the question with this id. */
  take(id: string | undefined): Question | undefined {
    const question = this.#waiting.get(id ?? "");
    this.#waiting.delete(id ?? "");
    return question;
  }

  /**
   * Fails the largest message. A proxy that accepts less than the server's `hello` says closed the socket, without
   * saying which message was too large.
   */
  failLargest(): void {
    const [largest] = this.all.sort(([, a], [, b]) => b.text.length - a.text.length);
    this.take(largest?.[0])?.failed(new ConnectionError("payload_too_large", "The message is too large."));
  }

  failAll(error: ConnectionError): void {
    const questions = this.all;
    this.#waiting.clear();
    for (const [, { failed }] of questions) failed(error);
  }
}
