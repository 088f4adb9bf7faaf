/** A client of Sluice's `frames` format. It needs nothing but a WebSocket, and runs in browsers and in Node. */
import { TOO_LARGE } from "../protocol/errors.ts";
import type { RunAgentInput } from "../protocol/events.ts";
import type { ServerFrame } from "../protocol/frames.ts";
import { threadTopic } from "../protocol/ids.ts";
import { pauseMs } from "./backoff.ts";
import { ConnectionError } from "./connection-error.ts";
import type { Following, InjectedText, RunOptions, SubscribeOptions } from "./following.ts";
import { type ConnectionState, type Hello, Line, type LineOptions } from "./line.ts";
import { MAX_QUESTIONS, type Question, Questions } from "./questions.ts";
import { bytesOf, type EventFrame, type Listener, narrowingOf, Subscription } from "./subscription.ts";

export type { AguiEvent, RunAgentInput } from "../protocol/events.ts";
export type { Backoff } from "./backoff.ts";
export { ConnectionError } from "./connection-error.ts";
export type { Following, InjectedText, RunOptions, SubscribeOptions } from "./following.ts";
export type { ConnectionState, WebSocketConstructor, WebSocketLike } from "./line.ts";
export type { Arrival, Gap, Listener, Narrowing } from "./subscription.ts";

/** The options of a `SluiceConnection`. */
export interface ConnectionOptions extends LineOptions {
  /** Is called with each new state of the connection. A `waiting` state has the time of the next attempt. */
  readonly onState?: (state: ConnectionState) => void;
}

const IGNORE = () => {};

/** Runs and threads over one WebSocket, which comes back by itself: no event is lost, and none is delivered twice. */
export class SluiceConnection {
  readonly #line: Line;
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #questions = new Questions();
  #asked = 0;
  #maxBytes = Number.POSITIVE_INFINITY;

  /**
   * Connects when it is first used.
   * @throws TypeError when there is no WebSocket.
   */
  constructor({ onState = IGNORE, ...options }: ConnectionOptions) {
    this.#line = new Line(options, {
      opened: (hello) => this.#opened(hello),
      frame: (frame, text) => this.#receive(frame, text),
      lost: (code) => {
        if (code === TOO_LARGE) this.#questions.failLargest();
      },
      changed: (state) => {
        if (state.status === "waiting")
          for (const subscription of this.#subscriptions.values()) subscription.interrupt();
        if (state.status === "closed")
          this.#end(state.error ?? new ConnectionError("closed", "The client closed the connection."));
        onState(state);
      },
    });
  }

  get state(): ConnectionState {
    return this.#line.state;
  }

  /**
   * Starts a run and follows its thread until `unsubscribe`. If a run with the same `runId` and body was started
   * before, this attaches to it. If the thread is followed already, the existing subscription and its narrowing are
   * used.
   */
  run(input: RunAgentInput, { agent, ...options }: RunOptions = {}): Following {
    const narrowing = narrowingOf(options, input.protocolVersion);
    const topic = threadTopic(input.threadId);
    const subscription = this.#subscriptions.get(topic) ?? new Subscription(topic, narrowing);
    return this.#follow(subscription, options, (answered, failed) =>
      this.#ask(
        { type: "run", agent, input, short: true, ...narrowing },
        (answer) => {
          if (answer.type === "ack" && !subscription.confirmed) subscription.confirm(answer.cursor);
          answered();
        },
        failed,
      ),
    );
  }

  /**
   * Follows a thread, from its present state or from a cursor.
   * @throws Error when this connection follows the thread already.
   */
  subscribe(threadId: string, { after, ...options }: SubscribeOptions): Following {
    const topic = threadTopic(threadId);
    if (this.#subscriptions.has(topic)) throw new Error(`This connection follows thread ${threadId} already.`);
    const subscription = new Subscription(topic, narrowingOf(options));
    subscription.cursor = after;
    return this.#follow(subscription, options, (answered, failed) => this.#begin(subscription, answered, failed));
  }

  /**
   * Sends a message into the thread's active run, which takes it at its next step. Resolves when the server keeps it; the
   * thread's events say when it is taken, or that it is returned. Rejects with `not_found` when nothing runs.
   */
  async inject(threadId: string, message: InjectedText): Promise<void> {
    await new Promise((answered, failed) => this.#ask({ type: "inject", threadId, message }, answered, failed));
  }

  /** Cancels the thread's active run. Rejects with `not_found` when there is none. */
  async cancel(threadId: string): Promise<void> {
    await new Promise((answered, failed) => this.#ask({ type: "cancel", threadId }, answered, failed));
  }

  /** The number of graph events that the allow-list refused in the thread's last run, by name. */
  async stats(threadId: string): Promise<Readonly<Record<string, number>>> {
    const answer = await new Promise<ServerFrame>((answered, failed) => {
      this.#ask({ type: "stats", topic: threadTopic(threadId) }, answered, failed);
    });
    return answer.type === "stats" ? answer.refused : {};
  }

  /** Reconnects at once if the connection waits for the next attempt. */
  retryNow(): void {
    this.#line.retryNow();
  }

  /** Closes for good. Runs go on; listeners get the error `closed`. */
  close(): void {
    this.#line.close();
  }

  #follow(
    subscription: Subscription,
    options: Partial<Listener>,
    ask: (answered: () => void, failed: (error: ConnectionError) => void) => string,
  ): Following {
    const listener: Listener = { ...options, onEvent: options.onEvent ?? IGNORE };
    this.#subscriptions.set(subscription.topic, subscription);
    subscription.listeners.add(listener);
    let question = "";
    const confirmed = new Promise<void>((resolve, reject) => {
      question = ask(resolve, (error) => {
        if (this.#leave(subscription, listener)) listener.onError?.(error);
        reject(error);
      });
    });
    confirmed.catch(IGNORE); // It is reported through onError as well.
    return {
      confirmed,
      get cursor() {
        return subscription.cursor;
      },
      unsubscribe: () => {
        this.#questions.take(question);
        this.#leave(subscription, listener);
      },
    };
  }

  /** Removes a listener. Returns `false` if it was removed before. */
  #leave(subscription: Subscription, listener: Listener): boolean {
    const { topic, listeners } = subscription;
    if (!listeners.delete(listener)) return false;
    if (listeners.size === 0 && this.#subscriptions.get(topic) === subscription) {
      this.#subscriptions.delete(topic);
      this.#line.send(JSON.stringify({ type: "unsubscribe", topic }));
    }
    return true;
  }

  /**
   * Asks the server for a thread, beginning after the last event that was handed out. Without `failed`, the server
   * has sent the thread before, and an error that may pass is not reported.
   */
  #begin(subscription: Subscription, answered = IGNORE, failed?: (error: ConnectionError) => void): string {
    const { topic, cursor: after, narrowing } = subscription;
    subscription.interrupted = false;
    return this.#ask(
      { type: "subscribe", topic, after, short: true, ...narrowing },
      (answer) => {
        subscription.confirm(after);
        subscription.notify((listener) => listener.onBegin?.((answer as ServerFrame & { type: "ack" }).head));
        answered();
      },
      (error) => {
        if (!failed) return this.#resume(subscription, error);
        failed(error);
        this.#drop(subscription, error);
      },
    );
  }

  /** Asks again, after a pause, for a thread that the server does not send for now. */
  #resume(subscription: Subscription, error: ConnectionError): void {
    if (!error.retryable) {
      this.#drop(subscription, error);
      return;
    }
    subscription.interrupt(true);
    const timer: { unref?(): void } = setTimeout(
      () => {
        const current = this.#subscriptions.get(subscription.topic) === subscription;
        // A socket that was opened meanwhile has it.
        if (current && subscription.interrupted && this.state.status === "open") this.#begin(subscription);
      },
      pauseMs(subscription.failures++),
    );
    timer.unref?.(); // In Node, a closed connection keeps no process alive.
  }

  #drop(subscription: Subscription, error: ConnectionError): void {
    const { topic, listeners } = subscription;
    if (this.#subscriptions.get(topic) === subscription) this.#subscriptions.delete(topic);
    subscription.notify((listener) => listener.onError?.(error));
    listeners.clear();
  }

  #ask(
    frame: { readonly type: string } & Record<string, unknown>,
    answered: Question["answered"],
    failed: Question["failed"],
  ): string {
    this.#asked += 1;
    const id = String(this.#asked);
    const question = { text: JSON.stringify({ ...frame, id }), answered, failed };
    const refuse = (code: string, reason: string) => queueMicrotask(() => failed(new ConnectionError(code, reason)));
    if (this.state.status === "closed") refuse("closed", "This connection is closed.");
    else if (this.#questions.full)
      refuse("overloaded", `${MAX_QUESTIONS} requests are waiting for an answer. No more are sent.`);
    else {
      this.#questions.add(id, question);
      this.#line.open();
      this.#transmit(id, question);
    }
    return id;
  }

  /** Sends a question if the socket is open. Otherwise the question waits. */
  #transmit(id: string, { text, failed }: Question): void {
    if (this.state.status !== "open") return;
    if (bytesOf(text) <= this.#maxBytes) {
      this.#line.send(text);
      return;
    }
    // The server would close the socket, and all threads on it would be interrupted.
    this.#questions.take(id);
    failed(
      new ConnectionError("payload_too_large", `The message is too large. The server accepts ${this.#maxBytes} bytes.`),
    );
  }

  #opened({ limits }: Hello): void {
    this.#maxBytes = limits.messageBytes;
    const questions = this.#questions.all;
    for (const subscription of this.#subscriptions.values()) if (subscription.interrupted) this.#begin(subscription);
    for (const [id, question] of questions) this.#transmit(id, question);
  }

  #receive(frame: ServerFrame | EventFrame, text: string): void {
    switch (frame.type) {
      case "event": {
        const subscription = this.#subscriptions.get(frame.topic);
        if (!subscription || subscription.push(frame, bytesOf(text))) break;
        subscription.restart();
        this.#begin(subscription);
        break;
      }
      case "gap":
        this.#subscriptions.get(frame.topic)?.gap(frame);
        break;
      case "ack":
      case "stats":
        this.#questions.take(frame.id)?.answered(frame);
        break;
      case "error":
        this.#refused(frame);
        break;
      default: // Nothing that concerns a run or a thread.
    }
  }

  #refused({ id, topic, code, message, retryable, details }: ServerFrame & { type: "error" }): void {
    // The server is shutting down. The question is sent again to the next one.
    if (code === "draining" && this.#questions.has(id)) return;
    const error = new ConnectionError(code, message, { retryable, details });
    const subscription = this.#subscriptions.get(topic ?? "");
    const question = this.#questions.take(id);
    if (question) question.failed(error);
    else if (subscription) this.#resume(subscription, error);
  }

  #end(error: ConnectionError): void {
    this.#questions.failAll(error);
    for (const subscription of [...this.#subscriptions.values()]) this.#drop(subscription, error);
  }
}
