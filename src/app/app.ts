/** A server that serves only Sluice: the core with its own HTTP server. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { ConfigError } from "../config/config-error.ts";
import type { ApiKey } from "../config/keys.ts";
import type { Settings } from "../config/settings.ts";
import { httpApp, metricsApp } from "../server/http.ts";
import { authenticatorOf } from "./authenticator.ts";
import { type Agents, type Core, type CoreOptions, createCore } from "./core.ts";

/** A complete server that is not listening yet. */
export interface App extends Pick<Core, "runs" | "log" | "sockets"> {
  readonly server: Server;
  /**
   * Listens, recovers the runs that an earlier process did not finish, and returns the address, such as
   * `http://127.0.0.1:8123`. Rejects with the system's error when it cannot listen.
   */
  listen(): Promise<string>;
  /**
   * Lets active runs finish within the drain time, ends the other runs, stops listening, and closes the store. A second
   * call ends all runs at once.
   */
  close(): Promise<void>;
  /**
   * Admits no more work and ends the active runs, except those that the next process recovers. For a process that is
   * about to exit because of an exception.
   */
  abandon(): Promise<void>;
}

export interface AppOptions extends CoreOptions {
  /** The folder with the built playground, for browsers at `/`; the setting `PLAYGROUND` can turn it off. */
  readonly playground?: string | undefined;
  /** API keys beside those in the settings. */
  readonly keys?: readonly ApiKey[] | undefined;
}

/** Makes a server for agents whose graphs are already loaded. */
export function createApp(agents: Agents, settings: Settings, { playground, ...options }: AppOptions): App {
  if (settings.AUTH === "none" && !settings.ALLOW_ANONYMOUS && !isLoopback(settings.HOST)) {
    throw new ConfigError(
      `HOST=${settings.HOST} with AUTH=none would admit every client that reaches it. Set AUTH, or ALLOW_ANONYMOUS=true.`,
    );
  }
  const core = createCore(agents, settings, options, {
    // Anybody can point a host name at this machine. An address was typed by the user.
    hosts: { names: settings.ALLOWED_HOSTS, addresses: !isLoopback(settings.HOST) },
    // If the server answers every name, a page can give this machine a name that the page's owner controls.
    sameOrigin: !settings.ALLOWED_HOSTS.includes("*"),
    authenticator: authenticatorOf(settings, options),
    // Nobody signs in by a cookie here.
    cookies: false,
    listsAnonymous: isLoopback(settings.HOST),
    playground: settings.PLAYGROUND ? playground : undefined,
  });
  const { METRICS_PORT: metricsPort, METRICS_TOKEN: token } = settings;
  const read = async () => {
    const { contentType, text } = await core.metrics();
    return { contentType, text: await text() };
  };
  const metrics = metricsPort || token ? { token, read } : undefined;
  // A client that sends its headers or body byte by byte is cut: Node's own limits are a minute and longer.
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000, keepAliveTimeout: 10_000 },
    httpApp(core.server, metricsPort ? undefined : metrics),
  );
  core.sockets.attach(server, "");
  const servers: [Server, number][] = [[server, settings.PORT]];
  if (metricsPort && metrics) servers.push([createServer(metricsApp(metrics, core.server)), metricsPort]);
  const hurry = new AbortController();
  const shutDown = async () => {
    await core.drain(hurry.signal);
    await Promise.all(servers.map(([listener]) => closeServer(listener)));
    await core.close();
  };
  let closing: Promise<void> | undefined;
  return {
    server,
    runs: core.runs,
    log: core.log,
    sockets: core.sockets,
    async listen() {
      try {
        for (const [listener, port] of servers) await listen(listener, port, settings.HOST);
      } catch (error) {
        await Promise.all(servers.map(([listener]) => closeServer(listener)));
        throw error;
      }
      // Begins to watch the event loop.
      if (metrics) await core.metrics();
      await core.recover();
      return addressOf(server);
    },
    close() {
      if (closing) hurry.abort();
      else closing = shutDown();
      return closing;
    },
    abandon: () => core.abandon(),
  };
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((done, fail) => {
    server.once("error", fail);
    server.listen(port, host, () => {
      server.off("error", fail);
      done();
    });
  });
}

/** Closes a server, whether or not it listens. */
function closeServer(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done());
    server.closeAllConnections();
  });
}

function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
