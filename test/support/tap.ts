/** A TCP proxy in front of a server that keeps every byte the server sends. */

import type { AddressInfo } from "node:net";
import { connect, createServer, type Socket } from "node:net";

export interface Tap {
  /** The server's URL through the tap. */
  readonly url: string;
  readonly ws: string;
  /** Everything that the server has sent so far, over all connections. */
  readonly sent: string;
  close(): Promise<void>;
}

export async function tap(server: string): Promise<Tap> {
  const { hostname, port } = new URL(server);
  const chunks: Buffer[] = [];
  const open = new Set<Socket>();
  const proxy = createServer((client) => {
    const upstream = connect(Number(port), hostname);
    upstream.on("data", (bytes) => chunks.push(bytes));
    client.pipe(upstream);
    upstream.pipe(client);
    for (const socket of [client, upstream]) {
      open.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => {
        open.delete(socket);
        client.destroy();
        upstream.destroy();
      });
    }
  });
  await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}`;
  return {
    url,
    ws: url.replace("http", "ws"),
    get sent() {
      return Buffer.concat(chunks).toString("utf8");
    },
    close: () => {
      for (const socket of open) socket.destroy();
      return new Promise((resolve) => proxy.close(() => resolve()));
    },
  };
}
