/** A server with everything behind it: the run manager, its log and store, the HTTP and WebSocket hosts. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import type { Settings } from "../config/settings.ts";
import { Registry, type ServedAgent } from "../graph/registry.ts";
import { MemoryLog } from "../log/memory.ts";
import type { Logger } from "../ops/logger.ts";
import { RunManager } from "../runs/manager.ts";
import { httpApp } from "../server/http.ts";
import type { ServerOptions } from "../server/server-options.ts";
import { WebSocketHost } from "../server/ws.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";

/** A server with everything behind it, not listening yet. */
export interface App {
  readonly server: Server;
  readonly runs: RunManager;
  readonly log: MemoryLog;
  readonly sockets: WebSocketHost;
  /**
   * Listens, takes up what an earlier process left unfinished, and gives the address, like `http://127.0.0.1:8123`.
   * Rejects with the system's error when it cannot listen.
   */
  listen(): Promise<string>;
  /**
   * Lets active runs finish within the drain time, then ends what is left and stops listening. Called again, it hurries
   * up: what still runs is ended at once. The store is closed last.
   */
  close(): Promise<void>;
}

export interface AppOptions {
  readonly logger: Logger;
  /** Names this program to clients of `/agui/info`. */
  readonly version: string;
  /** The folder with the built playground, for browsers at `/`; the setting `PLAYGROUND` can turn it off. */
  readonly playground?: string | undefined;
  /** Keeps the threads; the app closes it. Without one they are kept in memory. */
  readonly store?: Store;
  /** Hears of threads that the store in memory lets go of. */
  readonly forget?: (threadId: string) => void;
}

/** Everything but the agents' graphs, which come ready made. */
export function createApp(
  agents: readonly [ServedAgent, ...ServedAgent[]],
  settings: Settings,
  { logger, version, playground, forget = () => {}, store = new MemoryStore(settings.MAX_THREADS, forget) }: AppOptions,
): App {
  const registry = new Registry(agents);
  const log = new MemoryLog({
    maxEvents: settings.LOG_MAX_EVENTS,
    maxBytes: settings.LOG_MAX_BYTES,
    maxTotalBytes: settings.LOG_MAX_TOTAL_BYTES,
    retentionMs: settings.LOG_RETENTION_SECONDS * 1_000,
  });
  const runs = new RunManager({
    registry,
    log,
    store,
    version: settings.STREAM_VERSION,
    maxActiveRuns: settings.MAX_ACTIVE_RUNS,
    ended: ({ plan: { agent, threadId, runId } }, end, cause) => {
      const fields = { agent: agent.name, threadId, runId, end: end.kind };
      if (end.kind === "failed") logger.warn({ ...fields, code: end.error.code, err: cause }, "run failed");
      else if (cause) logger.error({ ...fields, err: cause }, "the run's end was not stored");
      else logger.debug(fields, "run ended");
    },
  });
  let ready = true;
  const options: ServerOptions = {
    runs,
    log,
    registry,
    version,
    playground: settings.PLAYGROUND ? playground : undefined,
    allowedOrigins: settings.ALLOWED_ORIGINS,
    checkHost: isLoopback(settings.HOST),
    maxBodyBytes: settings.MAX_BODY_BYTES,
    maxSockets: settings.MAX_SOCKETS,
    heartbeatMs: settings.HEARTBEAT_SECONDS * 1_000,
    slowConsumerMs: settings.SLOW_CONSUMER_SECONDS * 1_000,
    ready: () => ready,
    writable: () => store.writable(),
    failed: (err, where) => logger.error({ err, where }, "internal error"),
  };
  // A client that sends its headers or body byte by byte is cut: Node's own limits are a minute and longer.
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000, keepAliveTimeout: 10_000 },
    httpApp(options),
  );
  const sockets = new WebSocketHost(options);
  sockets.attach(server, "/ws");
  const sweeper = setInterval(() => log.sweep().catch((err: unknown) => logger.error({ err }, "sweep failed")), 30_000);
  sweeper.unref();
  const hurry = new AbortController();
  let closing: Promise<void> | undefined;
  const drain = async () => {
    // Probes still get their answer while runs finish; who wants to start one is told to come back.
    ready = false;
    clearInterval(sweeper);
    sockets.drain();
    await runs.close(settings.DRAIN_SECONDS * 1_000, hurry.signal);
    const closed = new Promise<void>((done) => server.close(() => done()));
    await sockets.close(hurry.signal);
    server.closeAllConnections();
    await closed;
    await store.close();
  };
  return {
    server,
    runs,
    log,
    sockets,
    async listen() {
      await listen(server, settings.PORT, settings.HOST);
      for (const { run, outcome, cause } of await runs.recover()) {
        const { agent, threadId, runId } = run;
        logger.warn({ agent, threadId, runId, outcome, err: cause }, "a run's process was gone");
      }
      return addressOf(server);
    },
    close() {
      if (closing) hurry.abort();
      else closing = drain();
      return closing;
    },
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

function addressOf(server: Server): string {
  const { address, port, family } = server.address() as AddressInfo;
  return `http://${family === "IPv6" ? `[${address}]` : address}:${port}`;
}
