/** A TCP relay between a process and a database, which simulates network faults between them. */
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Relay {
  readonly port: number;
  /** Sets the target of new connections. Open connections keep their target. */
  leadTo(port: number): void;
  /** Resets open connections, and refuses new ones, until `heal`. */
  cut(): void;
  /** Keeps connections open, but drops the server's data on those that pass the test, until `heal`. */
  silence(test?: (sentByClient: string) => boolean): void;
  /** Forwards new connections, and all data on connections that were not cut. Dropped data is lost. */
  heal(): void;
  close(): Promise<void>;
}

interface Line {
  readonly client: Socket;
  readonly server: Socket;
  /** The first bytes that the client sent. */
  asked: string;
}

const REMEMBERED = 100_000;

export async function startRelay(target: number): Promise<Relay> {
  const lines = new Set<Line>();
  let port = target;
  let isCut = false;
  let isSilent: (asked: string) => boolean = () => false;
  const listener = createServer((client) => {
    if (isCut) return void client.resetAndDestroy();
    const line: Line = { client, server: connect(port, "127.0.0.1"), asked: "" };
    lines.add(line);
    client.setNoDelay();
    for (const socket of [line.client, line.server]) {
      socket.on("error", () => {});
      socket.once("close", () => {
        lines.delete(line);
        line.client.destroy();
        line.server.destroy();
      });
    }
    client.on("data", (bytes) => {
      line.asked = (line.asked + bytes.toString("latin1")).slice(0, REMEMBERED);
      line.server.write(bytes);
    });
    line.server.on("data", (bytes) => {
      if (!isSilent(line.asked)) client.write(bytes);
    });
  });
  await new Promise<void>((listening) => listener.listen(0, "127.0.0.1", listening));
  const cut = () => {
    isCut = true;
    for (const { client } of lines) client.resetAndDestroy();
  };
  return {
    port: (listener.address() as AddressInfo).port,
    leadTo: (next) => {
      port = next;
    },
    cut,
    silence: (test = () => true) => {
      isSilent = test;
    },
    heal: () => {
      isCut = false;
      isSilent = () => false;
    },
    close: async () => {
      cut();
      await new Promise((closed) => listener.close(closed));
    },
  };
}
