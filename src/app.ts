/** The composition root: the only file that knows concrete classes. */
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { BaseChatModel } from "@langchain/core/language_models/chat_models";
import { MemorySaver } from "@langchain/langgraph";
import { assistant } from "./agents/assistant.ts";
import { loadDocuments } from "./agents/documents.ts";
import { DemoChatModel } from "./agents/models/demo.ts";
import { openaiModel } from "./agents/models/openai.ts";
import type { AgentEntry } from "./config/agents.ts";
import { type Config, splitGraph } from "./config/config.ts";
import { ConfigError } from "./config/settings.ts";
import { allowList } from "./graph/allow-list.ts";
import { Registry, type ServedAgent } from "./graph/registry.ts";
import type { ServedGraph } from "./graph/source.ts";
import { MemoryLog } from "./log/memory.ts";
import type { Logger } from "./ops/logger.ts";
import { RunManager } from "./runs/manager.ts";
import { httpApp } from "./server/http.ts";
import type { ServerOptions } from "./server/server-options.ts";
import { WebSocketHost } from "./server/ws.ts";
import { MemoryStore } from "./store/memory.ts";

export interface App {
  /** The address it listens on, like `http://127.0.0.1:8123`. */
  readonly url: string;
  readonly agents: readonly string[];
  /** Which model answers for the bundled agents. */
  readonly model: "openai" | "demo";
  /** Lets active runs finish within the drain time, then ends what is left and stops listening. */
  close(): Promise<void>;
}

/**
 * Builds everything and listens.
 * @throws ConfigError when an agent's graph cannot be loaded; the system's error when the port is taken.
 */
export async function startApp(config: Config, packageRoot: string, version: string, logger: Logger): Promise<App> {
  const checkpointer = new MemorySaver();
  const model =
    config.MODEL === "auto" ? (config.OPENAI_API_KEY || config.OPENAI_BASE_URL ? "openai" : "demo") : config.MODEL;
  const bundled = await bundledGraphs(chatModel(config, model), checkpointer, packageRoot);
  const agents = await Promise.all(
    Object.entries(config.agents).map(async ([name, entry]) =>
      servedAgent(name, entry, config, bundled[entry.graph] ?? (await loadGraph(name, entry.graph, config))),
    ),
  );
  const [first, ...rest] = agents;
  if (!first) throw new ConfigError("agents.json names no agent.");

  const registry = new Registry([first, ...rest]);
  const log = new MemoryLog({
    maxEvents: config.LOG_MAX_EVENTS,
    maxBytes: config.LOG_MAX_BYTES,
    maxTotalBytes: config.LOG_MAX_TOTAL_BYTES,
    retentionMs: config.LOG_RETENTION_SECONDS * 1_000,
  });
  const forget = (threadId: string) => {
    checkpointer
      .deleteThread(threadId)
      .catch((error: unknown) => logger.error({ error, threadId }, "forgetting failed"));
  };
  const runs = new RunManager({
    registry,
    log,
    store: new MemoryStore(config.MAX_THREADS, forget),
    version: config.STREAM_VERSION,
    maxActiveRuns: config.MAX_ACTIVE_RUNS,
    orphanGraceMs: config.ORPHAN_GRACE_SECONDS * 1_000,
    ended: ({ plan: { agent, threadId, runId } }, end, cause) => {
      const fields = { agent: agent.name, threadId, runId, end: end.kind };
      if (end.kind === "failed") logger.warn({ ...fields, code: end.error.code, err: cause }, "run failed");
      else logger.debug(fields, "run ended");
    },
  });

  let ready = true;
  const options: ServerOptions = {
    runs,
    log,
    registry,
    version,
    allowedOrigins: config.ALLOWED_ORIGINS,
    checkHost: isLoopback(config.HOST),
    maxBodyBytes: config.MAX_BODY_BYTES,
    maxSockets: config.MAX_SOCKETS,
    heartbeatMs: config.HEARTBEAT_SECONDS * 1_000,
    slowConsumerMs: config.SLOW_CONSUMER_SECONDS * 1_000,
    ready: () => ready,
    failed: (err, where) => logger.error({ err, where }, "internal error"),
  };
  // A client that sends its headers or body byte by byte is cut: Node's own limits are a minute and longer.
  const server = createServer(
    { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000, keepAliveTimeout: 10_000 },
    httpApp(options),
  );
  const sockets = new WebSocketHost(options);
  sockets.attach(server, "/ws");
  await listen(server, config.PORT, config.HOST);
  const sweeper = setInterval(() => log.sweep().catch((err: unknown) => logger.error({ err }, "sweep failed")), 30_000);
  sweeper.unref();

  return {
    url: addressOf(server),
    agents: agents.map(({ name }) => name),
    model,
    async close() {
      ready = false;
      clearInterval(sweeper);
      const closed = new Promise<void>((done) => server.close(() => done()));
      await runs.close(config.DRAIN_SECONDS * 1_000);
      await sockets.close();
      server.closeAllConnections();
      await closed;
    },
  };
}

function chatModel(config: Config, model: "openai" | "demo"): BaseChatModel {
  if (model === "openai") {
    return openaiModel({ apiKey: config.OPENAI_API_KEY, baseUrl: config.OPENAI_BASE_URL, model: config.OPENAI_MODEL });
  }
  return new DemoChatModel({
    firstTokenMs: config.DEMO_FIRST_TOKEN_MS,
    tokensPerSecond: config.DEMO_TOKENS_PER_SECOND,
    jitter: config.DEMO_JITTER,
  });
}

async function bundledGraphs(
  model: BaseChatModel,
  checkpointer: MemorySaver,
  packageRoot: string,
): Promise<Record<string, ServedGraph>> {
  const documents = await loadDocuments(packageRoot);
  return { assistant: assistant({ model, checkpointer, documents }) as ServedGraph };
}

/** A graph from a JavaScript module. */
async function loadGraph(agent: string, graph: string, { graphsRelativeTo }: Config): Promise<ServedGraph> {
  const [file, exported = "default"] = splitGraph(graph);
  const path = resolve(graphsRelativeTo, file);
  let loaded: Record<string, unknown>;
  try {
    loaded = (await import(pathToFileURL(path).href)) as Record<string, unknown>;
  } catch (error) {
    throw new ConfigError(`Agent ${agent}: ${file} cannot be loaded: ${String(error).split("\n")[0]}`, {
      cause: error,
    });
  }
  const found = loaded[exported];
  if (isServedGraph(found)) return found;
  const names = Object.keys(loaded).join(", ") || "nothing";
  const what =
    found === undefined ? `${file} has no export "${exported}"` : `"${exported}" of ${file} is no compiled graph`;
  throw new ConfigError(`Agent ${agent}: ${what}; it exports ${names}.`);
}

function isServedGraph(value: unknown): value is ServedGraph {
  return (
    typeof value === "object" && value !== null && "streamEvents" in value && typeof value.streamEvents === "function"
  );
}

function servedAgent(name: string, entry: AgentEntry, config: Config, graph: ServedGraph): ServedAgent {
  const { filter, deadlines, tokens, reasoning, description, graphFields, graphTopic } = entry;
  const milliseconds = (own: number | undefined, setting: number) => (own ?? setting) * 1_000;
  return {
    name,
    description,
    graph,
    allowList: allowList({ events: config.STREAM_ALLOWED_EVENTS }).narrow(
      typeof filter === "string" ? config.filters[filter] : filter,
    ),
    deadlines: {
      firstEventMs: milliseconds(deadlines.firstEventSeconds, config.STREAM_FIRST_EVENT_TIMEOUT_SECONDS),
      idleMs: milliseconds(deadlines.idleSeconds, config.STREAM_IDLE_TIMEOUT_SECONDS),
      totalMs: milliseconds(deadlines.totalSeconds, config.STREAM_TIMEOUT_SECONDS),
    },
    tokens: tokens ?? config.STREAM_TOKENS,
    reasoning,
    graphTopic,
    graphFields,
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
