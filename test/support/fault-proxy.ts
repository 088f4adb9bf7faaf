/** A TCP proxy in front of a server's WebSockets that simulates network faults. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export type Fault =
  /** The connection is reset. */
  | "reset"
  /** It ends, without a closing handshake. */
  | "end"
  /** It stays open, but no more data is forwarded. */
  | "blackhole";

export interface Trouble {
  readonly fault: Fault;
  /**
   * The number of the server's frames that are forwarded completely, before half of the next one. The handshake's
   * answer is the first.
   */
  readonly afterFrames: number;
}

export interface FaultProxyOptions {
  /** Returns the fault of a connection, or `undefined` for none. The first connection has the number 1. */
  readonly trouble?: (connection: number) => Trouble | undefined;
  /** Forwards the server's bytes in pieces of this size. Default: as they arrive. */
  readonly pieceBytes?: number;
  /** Delays the server's data by this time, in milliseconds. Default 0. */
  readonly delayMs?: number;
}

export interface FaultProxy {
  /** The address to use in place of the server's, such as `ws://127.0.0.1:5000`. */
  readonly ws: string;
  /** The number of connections so far. */
  readonly connections: number;
  /** Refuses connections while `false`. */
  reachable: boolean;
  /** Applies a fault to all open connections now. */
  strike(fault: Fault): void;
  close(): Promise<void>;
}

/** Starts a proxy in front of `target`, such as `ws://127.0.0.1:4000`. */
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
  /** The server's bytes that do not yet make a whole frame. */
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

  /** Returns the size of the next frame or of the handshake's answer, or 0 if it is not known yet. */
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
