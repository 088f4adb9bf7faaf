/** A TCP proxy in front of a server's WebSockets that does to them what networks do. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export type Fault =
  /** The connection is reset. */
  | "reset"
  /** It ends, without a closing handshake. */
  | "end"
  /** It stays open, and nothing comes through any more. */
  | "blackhole";

export interface Trouble {
  readonly fault: Fault;
  /** So many frames from the server come through whole, then half of the next. The handshake's answer is the first. */
  readonly afterFrames: number;
}

export interface FaultProxyOptions {
  /** The fault of a connection; the first has the number 1. `undefined`: none. */
  readonly trouble?: (connection: number) => Trouble | undefined;
  /** Passes on the server's bytes in pieces of this size. Default: as they come. */
  readonly pieceBytes?: number;
  /** Holds back what the server says, in milliseconds. Default 0. */
  readonly delayMs?: number;
}

export interface FaultProxy {
  /** Stands for the server's, like `ws://127.0.0.1:5000`. */
  readonly ws: string;
  /** The number of connections so far. */
  readonly connections: number;
  /** Refuses connections while `false`. */
  reachable: boolean;
  /** Befalls every connection there is, now. */
  strike(fault: Fault): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of `target`, like `ws://127.0.0.1:4000`. */
export async function faultProxy(target: string, options: FaultProxyOptions = {}): Promise<FaultProxy> {
  const { hostname, port } = new URL(target);
  const passages = new Set<Passage>();
  let connections = 0;
  let reachable = true;
  const server = createServer((client) => {
    if (!reachable) {
      client.resetAndDestroy();
      return;
    }
    connections += 1;
    const passage = new Passage(client, connect(Number(port), hostname), options, options.trouble?.(connections));
    passages.add(passage);
    client.once("close", () => passages.delete(passage));
  });
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  return {
    ws: `ws://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections;
    },
    get reachable() {
      return reachable;
    },
    set reachable(value) {
      reachable = value;
    },
    strike: (fault) => {
      for (const passage of passages) passage.strike(fault);
    },
    close: async () => {
      for (const passage of passages) passage.strike("reset");
      await new Promise((closed) => server.close(closed));
    },
  };
}

class Passage {
  readonly #client: Socket;
  readonly #upstream: Socket;
  readonly #options: FaultProxyOptions;
  readonly #trouble: Trouble | undefined;
  /** Bytes of the server that are no whole frame yet. */
  #rest = Buffer.alloc(0);
  #frames = 0;
  #struck = false;

  constructor(client: Socket, upstream: Socket, options: FaultProxyOptions, trouble: Trouble | undefined) {
    this.#client = client;
    this.#upstream = upstream;
    this.#options = options;
    this.#trouble = trouble;
    client.setNoDelay();
    for (const socket of [client, upstream]) socket.on("error", () => {});
    client.on("data", (bytes) => {
      if (!this.#struck) upstream.write(bytes);
    });
    client.once("close", () => upstream.destroy());
    upstream.once("close", () => {
      if (!this.#struck) client.end();
    });
    upstream.on("data", (bytes) => this.#receive(bytes));
  }

  strike(fault: Fault): void {
    this.#struck = true;
    if (fault === "reset") this.#client.resetAndDestroy();
    if (fault === "end") this.#client.end();
    if (fault !== "blackhole") this.#upstream.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    for (let size = this.#frameSize(); size > 0 && size <= this.#rest.length; size = this.#frameSize()) {
      if (this.#struck) return;
      const frame = this.#rest.subarray(0, size);
      this.#rest = this.#rest.subarray(size);
      this.#frames += 1;
      if (this.#trouble && this.#frames > this.#trouble.afterFrames) {
        this.#pass(frame.subarray(0, size / 2));
        this.strike(this.#trouble.fault);
        return;
      }
      this.#pass(frame);
    }
  }

  #pass(bytes: Buffer): void {
    const { pieceBytes = bytes.length, delayMs } = this.#options;
    const write = () => {
      for (let at = 0; at < bytes.length; at += pieceBytes) this.#client.write(bytes.subarray(at, at + pieceBytes));
    };
    if (delayMs === undefined) write();
    else setTimeout(write, delayMs);
  }

  /** The size of the next frame, or of the handshake's answer; 0 while that is not known. */
  #frameSize(): number {
    const rest = this.#rest;
    if (this.#frames === 0) return rest.indexOf("\r\n\r\n") < 0 ? 0 : rest.indexOf("\r\n\r\n") + 4;
    if (rest.length < 2) return 0;
    const length = (rest[1] as number) & 0x7f;
    if (length < 126) return 2 + length;
    if (length === 126) return rest.length < 4 ? 0 : 4 + rest.readUInt16BE(2);
    return rest.length < 10 ? 0 : 10 + Number(rest.readBigUInt64BE(2));
  }
}
