/** A fake server: a test controls the server's end of every socket. */
import type { WebSocketConstructor, WebSocketLike } from "../../src/client/connection.ts";

export class FakeSocket implements WebSocketLike {
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  readonly protocol: string;
  /** The frames that the client sent. */
  readonly sent: Record<string, unknown>[] = [];
  /** The code the client closed with; `undefined` while it has not. */
  closedWith: number | undefined;
  terminated = false;

  constructor(protocol: string) {
    this.protocol = protocol;
  }

  send(text: string): void {
    this.sent.push(JSON.parse(text) as Record<string, unknown>);
  }

  close(code?: number): void {
    this.closedWith = code;
  }

  terminate(): void {
    this.terminated = true;
  }

  say(frame: object): void {
    (this.onmessage as (event: { data: string }) => void)({ data: JSON.stringify({ v: 1, ...frame }) });
  }

  hello(limits = { messageBytes: 1_000, subscriptions: 64 }): void {
    this.say({ type: "hello", connection: "c", heartbeatSeconds: 15, limits });
  }

  /** Acknowledges the client's last frame. */
  ack(fields: object = {}): void {
    this.say({ type: "ack", id: this.sent.at(-1)?.id, ...fields });
  }

  event(cursor: string | undefined, data: object, fields: object = {}): void {
    this.say({ type: "event", topic: "thread:t", ...(cursor ? { cursor } : {}), data, ...fields });
  }

  /** Refuses the handshake, in the words of ws. */
  refuse(status: number): void {
    (this.onerror as (event: { message: string }) => void)({ message: `Unexpected server response: ${status}` });
    this.shut(1006);
  }

  shut(code: number, reason = ""): void {
    (this.onclose as (event: { code: number; reason: string }) => void)({ code, reason });
  }
}

export class FakeServer {
  readonly sockets: FakeSocket[] = [];
  readonly WebSocket: WebSocketConstructor;

  constructor() {
    const { sockets } = this;
    this.WebSocket = class extends FakeSocket {
      constructor(_url: string, protocol: string) {
        super(protocol);
        sockets.push(this);
      }
    };
  }

  /** The socket that was opened last. */
  get socket(): FakeSocket {
    return this.sockets.at(-1) as FakeSocket;
  }
}
