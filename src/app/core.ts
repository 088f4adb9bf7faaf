/**
 * Everything that serves agents, except the HTTP server: the run manager with its log and store, and the objects that
 * routes and sockets need.
 */
import { setMaxListeners } from "node:events";
import type { Settings } from "../config/settings.ts";
import { Counts } from "../counts/counts.ts";
import { Registry, type ServedAgent } from "../graph/registry.ts";
import { keysBesideMessages, withoutMessages } from "../graph/state-keys.ts";
import { Limits } from "../limits/limits.ts";
import { Memory, type Usage, usageOf } from "../limits/memory.ts";
import type { EventLog } from "../log/log.ts";
import { MemoryLog } from "../log/memory.ts";
import { type Logger, unfailing } from "../ops/logger.ts";
import type { Gauges, Metrics } from "../ops/metrics.ts";
import { shown } from "../protocol/text.ts";
import { coalescing } from "../runs/coalescing.ts";
import { RunManager } from "../runs/manager.ts";
import type { ContextOf } from "../runs/setting.ts";
import { type House, Visitor } from "../runs/visitor.ts";
import { ShareWatch } from "../server/auth/share-watch.ts";
import { Door } from "../server/door.ts";
import { OpenConnections } from "../server/open-connections.ts";
import type { Housing, ServerOptions } from "../server/server-options.ts";
import { WebSocketHost } from "../server/ws.ts";
import { ALONE, type Instances } from "../store/instances.ts";
import { type ItemStores, MemoryItems } from "../store/items.ts";
import { MemoryStore } from "../store/memory.ts";
import type { Store } from "../store/store.ts";
import { logLimits } from "./event-log.ts";
import { reportRun } from "./report-run.ts";
import type { SharedRates } from "./shared-rates.ts";
import { timedStore } from "./timed-store.ts";

export type Agents = readonly [ServedAgent, ...ServedAgent[]];

export interface CoreOptions {
  readonly logger: Logger;
  /** Names this program to clients of `/agui/info`. */
  readonly version: string;
  /** Keeps the threads; the core closes it. Without one they are kept in memory. */
  readonly store?: Store | undefined;
  /** The processes that share the store and the log. Without them this process is alone. */
  readonly instances?: Instances | undefined;
  /** Holds the runs' events; the core closes it. Without one they are held in memory. */
  readonly log?: EventLog | undefined;
  /**
   * Counts clients' actions per minute for several processes; the core closes it. Without it this process counts alone.
   */
  readonly shared?: SharedRates | undefined;
  /** Store the items that graphs keep across threads. Without them the items are kept in memory. */
  readonly items?: ItemStores | undefined;
  /** Gives the graphs the app's own context for a client's run. */
  readonly contextOf?: ContextOf | undefined;
  /** The share of its memory that the process uses. Without it the process is measured. */
  readonly memoryUsage?: Usage | undefined;
  /** Called with each thread that the store in memory drops. */
  readonly forget?: (threadId: string) => void;
}

/** The options for access: hosts, origins, sign-in, the playground, and whether anonymous clients may list threads. */
export type Entrance = Pick<ServerOptions, "hosts" | "sameOrigin" | "authenticator" | "cookies" | "playground"> &
  Pick<House, "listsAnonymous">;

export interface Core {
  readonly runs: RunManager;
  readonly log: EventLog;
  readonly sockets: WebSocketHost;
  /** The counts, for Prometheus. The first call begins to watch the event loop. */
  metrics(): Promise<Metrics>;
  /** For the HTTP routes. */
  readonly server: ServerOptions;
  /** Recovers the runs that an earlier process did not finish. Call it once, before any run starts. */
  recover(): Promise<void>;
  /**
   * Lets active runs finish within the drain time, ends the others, and closes the sockets. When `hurry` aborts, it
   * does not wait.
   */
  drain(hurry: AbortSignal): Promise<void>;
  /** Admits no more work, ends the runs that the next process will not recover, and closes the sockets. */
  abandon(): Promise<void>;
  /** Closes the log, the store and the shared counts. Call it last. */
  close(): Promise<void>;
}

const SWEEP_MS = 30_000;

/** Milliseconds between two searches for unused threads. */
const RETENTION_MS = 600_000;

const DAY_MS = 86_400_000;

/** Milliseconds between two measurements of the memory. */
const MEMORY_MS = 1_000;

export function createCore(agents: Agents, settings: Settings, options: CoreOptions, entrance: Entrance): Core {
  const { logger: given, version, forget = () => {} } = options;
  const counts = new Counts();
  const connections = new OpenConnections();
  const memory = new Memory({
    usage: options.memoryUsage ?? usageOf(settings.MAX_MEMORY_BYTES),
    reached: counts.limits,
    cutSlowest: () => connections.cutSlowest(),
    changed: (refusing, share) => logger.warn({ percent: Math.round(share * 100) }, memoryNews(refusing)),
  });
  const limits = new Limits(settings, counts.limits, options.shared?.rates, memory);
  const store = timedStore(options.store ?? new MemoryStore(settings.MAX_THREADS, forget), counts);
  const { items = new MemoryItems(), contextOf = () => ({}) } = options;
  const logger = unfailing(given);
  const registry = new Registry(agents);
  for (const { name, graph, stateKeys } of agents) {
    const keys = keysBesideMessages(graph);
    if (keys && stateKeys.length === 0) logger.warn({ agent: name }, withoutMessages(keys));
  }
  const log: EventLog = options.log ?? new MemoryLog(logLimits(settings));
  const runs = new RunManager({
    registry,
    log,
    store,
    items,
    contextOf,
    version: settings.STREAM_VERSION,
    coalesceMs: coalescing(settings.COALESCE_MS),
    maxActiveRuns: settings.MAX_ACTIVE_RUNS,
    counts,
    limits,
    instances: options.instances ?? ALONE,
    tookUp: ({ run: { agent, threadId, runId }, outcome, cause }) => {
      if (outcome === "continued") logger.info({ agent, threadId, runId }, "this run was handed over to this process");
      else logger.warn({ agent, threadId, runId, outcome, err: cause }, "the process of this run has ended");
    },
    notDeleted: (threadId, err) => logger.error({ threadId, err }, "a thread could not be deleted"),
    failed: (err) => logger.error({ err }, "work that other processes left failed, and is tried again"),
    ended: ({ plan, figures }, end, cause) => {
      figures.end(end);
      reportRun(logger, plan, figures, end, cause);
    },
  });
  let ready = true;
  const closed = new AbortController();
  setMaxListeners(0, closed.signal); // Each watch adds a listener.
  const { listsAnonymous, ...doors } = entrance;
  const house: House = { runs, log, store, counts, limits, listsAnonymous };
  const housing: Housing = {
    ...doors,
    visitor: (principal, request) => new Visitor(house, principal, request),
    tickets: store.tickets,
    async sharedThread(digest) {
      const share = await store.shares.find(digest);
      if (!share) return undefined;
      const { id, threadKey, expiresAt } = share;
      const name = await store.threadName(threadKey);
      return { id, threadKey, threadId: name?.threadId ?? threadKey, expiresAt };
    },
    shareWatch: new ShareWatch(store.shares),
    counts,
    limits,
    connections,
    registry,
    version,
    langGraphApi: settings.LANGGRAPH_API,
    aiSdkApi: settings.AI_SDK_API,
    allowedOrigins: settings.ALLOWED_ORIGINS,
    maxBodyBytes: settings.MAX_BODY_BYTES,
    maxSockets: settings.MAX_SOCKETS,
    heartbeatMs: settings.HEARTBEAT_SECONDS * 1_000,
    slowConsumerMs: settings.SLOW_CONSUMER_SECONDS * 1_000,
    slow(transport, unread) {
      counts.slowConsumers.count(transport);
      logger.warn({ transport, ...unread }, "a slow consumer was cut");
    },
    ready: () => ready,
    closed: closed.signal,
    unavailable: async () => {
      const engines = [store, log];
      const writable = await Promise.all(engines.map((engine) => engine.writable()));
      return engines.flatMap(({ engine }, index) => (writable[index] ? [] : [engine]));
    },
    originRefused: refusals(logger),
    failed: (err, where) => logger.error({ err, where }, "internal error"),
  };
  const server: ServerOptions = { ...housing, door: new Door(housing) };
  const sockets = new WebSocketHost(server);
  const sweeper = setInterval(
    () => log.sweep().catch((err: unknown) => logger.error({ err }, "sweep failed")),
    SWEEP_MS,
  );
  sweeper.unref();
  const deleteUnused = async () => {
    const { THREAD_RETENTION_DAYS: days } = settings;
    const threads = await runs.deleteUnused(days === 0 ? 0 : Math.floor(Date.now() - days * DAY_MS));
    if (threads > 0) logger.info({ threads, days }, "unused threads were deleted");
  };
  const retain = () =>
    void deleteUnused().catch((err: unknown) => logger.error({ err }, "unused threads could not be deleted"));
  const retention = setInterval(retain, RETENTION_MS);
  retention.unref();
  const memoryWatch = setInterval(() => memory.look(), MEMORY_MS);
  memoryWatch.unref();
  let metrics: Promise<Metrics> | undefined;
  const gauges: Gauges = {
    activeRuns: () => runs.activeCount,
    waitingStarts: () => runs.startingCount,
    sockets: () => sockets.byFormat,
    waitingBytes: () => sockets.waitingBytes,
    log: () => log.size,
    logWrites: () => log.writes,
  };
  return {
    runs,
    log,
    sockets,
    server,
    metrics() {
      // Loaded on first use, because most servers do not need it.
      metrics ??= import("../ops/metrics.ts").then(({ metricsOf }) => metricsOf(counts, gauges));
      return metrics;
    },
    async recover() {
      await runs.recover();
      retain();
    },
    async drain(hurry) {
      // While runs finish, probes are still answered, and new runs are refused with a retryable error.
      ready = false;
      clearInterval(sweeper);
      clearInterval(retention);
      sockets.drain();
      await runs.close(settings.DRAIN_SECONDS * 1_000, hurry);
      closed.abort();
      await sockets.close(hurry);
    },
    async abandon() {
      ready = false;
      clearInterval(sweeper);
      clearInterval(retention);
      await runs.abandon();
      closed.abort();
      await sockets.close(AbortSignal.abort());
    },
    async close() {
      clearInterval(memoryWatch);
      await log.close();
      await store.close();
      options.shared?.close();
    },
  };
}

function memoryNews(refusing: boolean): string {
  return refusing
    ? "short of memory: new runs and sockets are refused"
    : "no longer short of memory: new runs and sockets are accepted";
}

/** The most origins whose refusal is logged: a client may send any number of origins. */
const MAX_REFUSED_ORIGINS = 100;

/** Logs each refused origin once: a page tries again and again. */
function refusals(logger: Logger): ServerOptions["originRefused"] {
  const logged = new Set<string>();
  return (origin) => {
    if (logged.has(origin) || logged.size >= MAX_REFUSED_ORIGINS) return;
    logged.add(origin);
    const remedy = "Add it to ALLOWED_ORIGINS, or in code to allowedOrigins.";
    logger.warn({ origin: shown(origin) }, `a page of this origin was refused. ${remedy}`);
  };
}
