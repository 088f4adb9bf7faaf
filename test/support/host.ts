/** An Express app on a free port with its own route, in which Sluice is embedded. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import express, { type Express } from "express";

export interface Host {
  readonly app: Express;
  readonly server: Server;
  readonly url: string;
  readonly ws: string;
  close(): Promise<void>;
}

/** `mount` puts middleware before the app's own routes. */
export async function startHost(mount: (app: Express, server: Server) => void): Promise<Host> {
  const app = express();
  const server = createServer(app);
  mount(app, server);
  app.get("/own", (_request, response) => void response.send("mine"));
  app.post("/own", (_request, response) => void response.send("mine too"));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    app,
    server,
    url,
    ws: url.replace("http", "ws"),
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
}
