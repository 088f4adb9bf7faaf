/** A TCP load balancer without stickiness. It does not read the data. */
import { once } from "node:events";
import { type AddressInfo, connect, createServer, type Socket } from "node:net";

export interface Balancer {
  readonly port: number;
  close(): Promise<void>;
}

/** Starts a balancer that sends each connection to the next port in turn. It skips ports where nothing listens. */
export async function startBalancer(ports: () => readonly number[], port = 0): Promise<Balancer> {
  const clients = new Set<Socket>();
  let turn = 0;
  const pass = (client: Socket, [target, ...rest]: readonly number[]) => {
    if (target === undefined || client.destroyed) {
      client.destroy();
      return;
    }
    const upstream = connect(target, "127.0.0.1");
    const next = () => pass(client, rest);
    upstream.once("error", next);
    upstream.once("connect", () => {
      upstream.off("error", next);
      upstream.setNoDelay();
      for (const [from, to] of [
        [client, upstream],
        [upstream, client],
      ] as const) {
        from.on("error", () => to.resetAndDestroy());
        from.once("close", () => to.destroySoon());
        from.pipe(to);
      }
      if (client.destroyed) upstream.destroy();
    });
  };
  const server = createServer((client) => {
    client.on("error", () => {});
    client.setNoDelay();
    clients.add(client);
    client.once("close", () => clients.delete(client));
    const all = ports();
    const at = turn++ % Math.max(all.length, 1);
    pass(client, [...all.slice(at), ...all.slice(0, at)]);
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  return {
    port: (server.address() as AddressInfo).port,
    async close() {
      for (const client of clients) client.resetAndDestroy();
      server.close();
      await once(server, "close");
    },
  };
}
