/** A client that follows one thread in the frames format. It can stop reading, and reconnect with its last cursor. */
import WebSocket from "ws";
import { now, readStamped } from "./graph.ts";

/** The time of a token from the model to this reader, in milliseconds of `now()`. */
export interface Delay {
  readonly madeAt: number;
  readonly ms: number;
}

interface Frame {
  readonly type: string;
  readonly cursor?: string;
  readonly message?: string;
  readonly data?: { readonly type: string; readonly delta?: string; readonly message?: string };
}

export class Reader {
  readonly delays: Delay[] = [];
  /** The number of tokens that arrived complete, unchanged and in order. */
  tokens = 0;
  cursor: string | undefined;
  /** The socket was closed by either side. */
  closed = false;
  ended = false;
  /** The first fault in the received tokens. */
  loss: string | undefined;
  readonly #address: string;
  readonly #topic: string;
  readonly #length: number;
  readonly #waiting = new Set<() => void>();
  #socket: WebSocket | undefined;

  /** `length`: the characters of one token. */
  constructor(url: string, threadId: string, length: number) {
    this.#address = `${url.replace(/^http/, "ws")}/ws`;
    this.#topic = `thread:${threadId}`;
    this.#length = length;
  }

  /** Starts a run and follows it. */
  run(input: object): Promise<void> {
    return this.#open({ type: "run", input });
  }

  /** Follows the thread from its current state, or from the last cursor after a reconnect. */
  subscribe(): Promise<void> {
    return this.#open({ type: "subscribe", topic: this.#topic, after: this.cursor });
  }

  stopReading(): void {
    this.#socket?.pause();
  }

  readOn(): void {
    this.#socket?.resume();
  }

  close(): void {
    this.#socket?.terminate();
  }

  /** Resolves when `test` holds. Rejects on a loss. */
  until(test: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const look = () => {
        if (this.loss !== undefined) reject(new Error(this.loss));
        else if (test()) resolve();
        else return;
        this.#waiting.delete(look);
      };
      this.#waiting.add(look);
      look();
    });
  }

  #open(first: object): Promise<void> {
    this.closed = false;
    const socket = new WebSocket(this.#address, "sluice.v1", { perMessageDeflate: false });
    this.#socket = socket;
    socket.on("open", () => socket.send(JSON.stringify(first)));
    socket.on("message", (data: Buffer) => {
      this.#receive(JSON.parse(data.toString()) as Frame);
      this.#look();
    });
    socket.on("error", () => {}); // A close follows.
    socket.on("close", () => {
      this.closed = true;
      this.#look();
    });
    return this.until(() => this.cursor !== undefined || this.closed);
  }

  #receive({ type, cursor, message, data }: Frame): void {
    this.cursor = cursor ?? this.cursor;
    if (type === "error") this.loss ??= `refused: ${message}`;
    if (type === "gap") this.loss ??= "The server no longer had the events after the cursor.";
    if (data?.type === "TEXT_MESSAGE_CONTENT") this.#read(data.delta ?? "");
    if (data?.type === "RUN_ERROR") this.loss ??= `The run failed: ${data.message}`;
    if (data?.type === "RUN_FINISHED") this.ended = true;
  }

  /** Reads one token, or many merged ones after the reader was slow. */
  #read(text: string): void {
    const at = now();
    for (let from = 0; from < text.length; from += this.#length) {
      const token = readStamped(text.slice(from, from + this.#length));
      if (token?.index !== this.tokens) {
        this.loss ??= `Token ${this.tokens} was followed by ${token?.index ?? "other text"}.`;
        return;
      }
      this.tokens += 1;
      this.delays.push({ madeAt: token.madeAt, ms: at - token.madeAt });
    }
  }

  #look(): void {
    for (const look of [...this.#waiting]) look();
  }
}
