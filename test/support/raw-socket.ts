/** HTTP and WebSocket written by hand, for requests that no correct client sends. */
import { connect, type Socket } from "node:net";

export interface RawSocket {
  readonly socket: Socket;
  /** All bytes so far, as latin1: one character per byte. */
  readonly received: string;
  /** Resolves with all bytes so far when they pass the test. Rejects if the socket closes first. */
  until(test: (received: string) => boolean): Promise<string>;
  /** Resolves with all bytes when the server has closed the socket. */
  readonly closed: Promise<string>;
}

/** Opens a TCP connection to the server at `url`. */
export async function rawSocket(url: string): Promise<RawSocket> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  let received = "";
  const waiting = new Set<() => void>();
  socket.on("data", (bytes) => {
    received += bytes.toString("latin1");
    for (const look of [...waiting]) look();
  });
  socket.on("error", () => {});
  const closed = new Promise<string>((resolve) => socket.once("close", () => resolve(received)));
  await new Promise<void>((resolve, reject) => {
    socket.once("connect", resolve);
    socket.once("error", reject);
  });
  return {
    socket,
    get received() {
      return received;
    },
    closed,
    until: (test) =>
      new Promise((resolve, reject) => {
        const look = () => {
          if (test(received) && waiting.delete(look)) resolve(received);
        };
        waiting.add(look);
        void closed.then(() => {
          look();
          if (waiting.delete(look)) reject(new Error(`closed after ${JSON.stringify(received.slice(0, 2_000))}`));
        });
        look();
      }),
  };
}

/** Returns the lines of a WebSocket handshake. `headers` are added, or replace those with the same name. */
export function handshake(url: string, headers: Record<string, string> = {}): string {
  const { host, pathname, search } = new URL(url);
  const all = {
    Host: host,
    Connection: "Upgrade",
    Upgrade: "websocket",
    "Sec-WebSocket-Version": "13",
    "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
    ...headers,
  };
  const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}`);
  return `GET ${pathname}${search} HTTP/1.1\r\n${lines.join("\r\n")}\r\n\r\n`;
}

/** Opens a WebSocket. After the handshake, the socket carries frames. */
export async function rawWebSocket(url: string, headers: Record<string, string> = {}): Promise<RawSocket> {
  const raw = await rawSocket(url);
  raw.socket.write(handshake(url, headers));
  await raw.until((received) => received.startsWith("HTTP/1.1 101") && received.includes("\r\n\r\n"));
  return raw;
}

/** Returns a client's frame, masked with zeros. */
export function clientFrame(opcode: number, payload: Buffer = Buffer.alloc(0), { fin = true } = {}): Buffer {
  const { length } = payload;
  const head = length < 126 ? Buffer.alloc(2) : Buffer.alloc(4);
  head[0] = (fin ? 0x80 : 0) | opcode;
  head[1] = 0x80 | Math.min(length, 126);
  if (length >= 126) head.writeUInt16BE(length, 2);
  return Buffer.concat([head, Buffer.alloc(4), payload]);
}

export interface Refusal {
  readonly status: number;
  readonly headers: string;
  readonly error: { readonly code: string; readonly message: string; readonly retryable: boolean };
}

/** Returns the server's refusal of a handshake. Rejects if the handshake succeeds. */
export async function refusal(url: string, headers: Record<string, string> = {}): Promise<Refusal> {
  const raw = await rawSocket(url);
  raw.socket.write(handshake(url, headers));
  const received = await raw.until((text) => text.startsWith("HTTP/1.1 101") || /\r\n\r\n.*\}$/s.test(text));
  raw.socket.destroy();
  const [, status = ""] = /^HTTP\/1\.1 (\d+)/.exec(received) ?? [];
  if (status === "101") throw new Error("The server shook hands.");
  const [head = "", body = ""] = received.split("\r\n\r\n");
  return { status: Number(status), headers: head, ...(JSON.parse(body) as Pick<Refusal, "error">) };
}
