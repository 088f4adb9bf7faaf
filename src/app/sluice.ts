/** Sluice inside somebody else's app: a router for their Express app, and upgrades of their HTTP server. */
import { readFileSync } from "node:fs";
import type { IncomingMessage, Server } from "node:http";
import { fileURLToPath } from "node:url";
import { MemorySaver } from "@langchain/langgraph-checkpoint";
import { type AgentSettings, checkAgents } from "../config/agents.ts";
import { ConfigError } from "../config/config-error.ts";
import { type SettingOptions, settingsFrom } from "../config/options.ts";
import { hideEnvironment, hideFields } from "../config/secrets.ts";
import { givenGraph, lendCheckpointer } from "../graph/loader.ts";
import type { ServedGraph } from "../graph/source.ts";
import { type Logger, silent, unfailing } from "../ops/logger.ts";
import type { AllowListSpec } from "../protocol/allow-list-spec.ts";
import { isRecord } from "../protocol/input.ts";
import { messageOf } from "../protocol/redact.ts";
import type { Scope } from "../protocol/scopes.ts";
import { forgetSecrets } from "../protocol/secrets.ts";
import type { Requester } from "../runs/handle.ts";
import { byApp } from "../server/auth/by-app.ts";
import { NOBODY } from "../server/auth/tokens.ts";
import { httpRouter } from "../server/http.ts";
import type { Middleware } from "../server/middleware.ts";
import type { Store } from "../store/store.ts";
import { type Agents, createCore } from "./core.ts";
import { checkNames } from "./known-names.ts";
import { type Runs, runsOf } from "./runs.ts";
import { servedAgent } from "./served-agent.ts";
import { openStorage } from "./storage.ts";

/** A compiled graph, a `StateGraph` that is not compiled yet, or what LangChain's `createAgent()` returns. */
export type GraphLike =
  | ServedGraph
  | { compile(): ServedGraph }
  | { readonly graph: ServedGraph; streamEvents: unknown };

/** A graph with settings of its own, in the words of `config/agents.json`. */
export interface AgentOptions extends AgentSettings {
  readonly graph: GraphLike;
}

/** The identity of a request, as `authorize` of `createSluice` returns it. */
export interface Identity {
  /** Names the owner of threads; graphs find it in `config.configurable.user.id`. */
  readonly id: string;
  /** Default: `run`, `watch` and `cancel`. */
  readonly scopes?: readonly Scope[] | undefined;
  /** Plain JSON, for graphs: `config.configurable.user.claims`. */
  readonly claims?: Readonly<Record<string, unknown>> | undefined;
  /** When it has to be asked again, in milliseconds since the Unix epoch: sockets are closed then. */
  readonly expiresAt?: number | undefined;
}

export interface SluiceOptions extends SettingOptions {
  /**
   * Graphs by name, or with settings of their own. The first answers when a client names none. A graph that was compiled
   * without a checkpointer is given one, which keeps what it remembers where the threads are kept; one that was compiled
   * without a store likewise.
   */
  readonly agents: Readonly<Record<string, GraphLike | AgentOptions>>;
  /** Allow-lists by name, for the agents' `filter`. */
  readonly filters?: Readonly<Record<string, AllowListSpec>> | undefined;
  /** The path that the router is mounted at, such as `"/ai"`: WebSockets are then at `/ai/ws`. Default `"/"`. */
  readonly basePath?: string | undefined;
  /** A folder for `sluice.db`, where threads are kept, for this process alone. Default: they are kept in memory. */
  readonly dataDir?: string | undefined;
  /** Keeps the threads instead of `dataDir`, and nothing of what graphs remember. `close()` closes it. */
  readonly store?: Store | undefined;
  /**
   * Names the client of each request to Sluice's routes and of each WebSocket: an identity, `true` for a client without
   * a name, or `false`. Any other value is answered with 401, like `false`. Threads belong to the identity that made
   * them; threads of clients without a name belong to all of these clients. A WebSocket passes none of the app's
   * middleware, so sign-in has to be checked here. It is not called for the playground's page, which holds nothing by
   * itself. `request.url` is the whole path and query, wherever the router is mounted. Default: everybody may come in,
   * without a name.
   */
  readonly authorize?: ((request: IncomingMessage) => boolean | Identity | Promise<boolean | Identity>) | undefined;
  /**
   * Does `authorize` know people by cookies? Then requests with a cookie that change something need an `Origin`, and
   * `allowedOrigins` cannot be `"*"`. `false`: it is shown no cookies. Default `true`.
   */
  readonly cookies?: boolean | undefined;
  /**
   * The value of `runtime.context` in a client's runs, an object of plain JSON. It is called for each run. It holds
   * over what agents' entries say, and over what clients send for keys in `clientContext`. `requester.request` is as
   * `authorize` sees it, of a WebSocket the one that opened it; a run that the app starts itself has none.
   */
  readonly context?: ((requester: Requester) => object | Promise<object>) | undefined;
  /** `true`: the playground is shown to browsers at the base path. Default `false`. */
  readonly playground?: boolean | undefined;
  /** Hears what goes wrong, such as a pino logger or `console`. Default: nobody does. */
  readonly logger?: Logger | undefined;
}

export interface Sluice {
  /** For `app.use(basePath, router)` of Express 5 or 4. Requests for other paths pass through untouched. */
  readonly router: Middleware;
  /** The path that the router is to be mounted at, without a slash at its end: `""` for the root. */
  readonly basePath: string;
  /**
   * Answers WebSockets of `server` at `ws` below the base path, and leaves all other upgrades alone. May be called for
   * several servers; again for the same one it changes nothing.
   */
  attach(server: Server): void;
  /** Runs, for the app itself. */
  readonly runs: Runs;
  /** The counts so far, in Prometheus' text format, for a route of the app's own. */
  metrics(): Promise<string>;
  /**
   * Starts no more runs, lets active ones finish within `drainSeconds`, ends the rest and the watches over SSE, closes the
   * WebSockets and the store. The servers stay as they are, and are left alone from then on. Called again it gives the
   * same promise.
   */
  close(): Promise<void>;
}

/**
 * Serves agents from inside another app, under any path and beside whatever else its server does. It takes no
 * setting from the environment; the values of secrets there are kept out of its errors and logs. Nothing it starts keeps
 * the process alive.
 * @throws ConfigError with one line that names the option that is wrong.
 */
export function createSluice(options: SluiceOptions): Sluice {
  const {
    agents,
    filters,
    basePath,
    dataDir,
    store,
    authorize,
    cookies = true,
    context,
    playground,
    logger: given,
    ...rest
  } = options;
  const logger = unfailing(given ?? silent);
  const settings = settingsFrom(rest);
  checkAuthorize(authorize, cookies, settings.ALLOWED_ORIGINS);
  hideEnvironment();
  const base = checkBasePath(basePath);
  const served = serve(agents, filters, settings, logger);
  hideFields(served, served);
  const storage = storageOf(dataDir, store);
  const takeBack = served.map(({ graph }) => lendCheckpointer(graph, storage.checkpointer));
  const core = createCore(
    served,
    settings,
    {
      logger,
      version: version(),
      contextOf: ({ request, ...requester }) =>
        context?.({ ...requester, ...(request ? { request: whole(request) } : {}) }),
      ...storage,
    },
    {
      // Which names the app goes by is its own business.
      hosts: undefined,
      sameOrigin: true,
      authenticator: authorize ? byApp((request) => authorize(shown(whole(request), cookies))) : NOBODY,
      cookies: authorize !== undefined && cookies,
      listsAnonymous: true,
      playground: playground ? fileURLToPath(new URL("dist/playground", PACKAGE)) : undefined,
    },
  );
  // Runs wait for it.
  core.recover().catch((err: unknown) => logger.error({ err }, "what was left unfinished could not be taken up"));
  const shutDown = async () => {
    await core.drain(new AbortController().signal);
    await core.close();
    // Another Sluice may serve the same graphs, and has a checkpointer of its own.
    for (const back of takeBack) back();
    forgetSecrets(served);
  };
  const router = httpRouter(core.server);
  const checkMount = mountCheck(base);
  let attached = false;
  let closing: Promise<void> | undefined;
  return {
    router(request, response, next) {
      if (attached) checkMount(request);
      router(request, response, next);
    },
    basePath: base,
    attach(server) {
      attached = true;
      core.sockets.attach(server, base);
    },
    runs: runsOf(core),
    async metrics() {
      const { text } = await core.metrics();
      return text();
    },
    close() {
      closing ??= shutDown();
      return closing;
    },
  };
}

const PACKAGE = new URL("../../", import.meta.url);

function version(): string {
  return (JSON.parse(readFileSync(new URL("package.json", PACKAGE), "utf8")) as { version: string }).version;
}

/** @throws ConfigError when strangers could act in the name of somebody else. */
function checkAuthorize(authorize: unknown, cookies: boolean, origins: readonly string[]): void {
  if (authorize === undefined) return;
  if (typeof authorize !== "function") throw new ConfigError("createSluice, authorize: a function is needed.");
  if (!cookies || !origins.includes("*")) return;
  throw new ConfigError(
    'createSluice: allowedOrigins "*" would let every website use the cookies that authorize reads. Name the origins, or set cookies: false.',
  );
}

/** The request without its cookies, unless they are to be read. */
function shown(request: IncomingMessage, cookies: boolean): IncomingMessage {
  if (cookies) return request;
  const { cookie: _, ...headers } = request.headers;
  return Object.create(request, { headers: { value: headers } }) as IncomingMessage;
}

/** The request with the path it was sent to: where a router is mounted, Express cuts that off `url`. */
function whole(request: IncomingMessage & { originalUrl?: string }): IncomingMessage {
  const { originalUrl = request.url } = request;
  return Object.create(request, { url: { value: originalUrl } }) as IncomingMessage;
}

/** Without a slash at its end. */
function checkBasePath(basePath = "/"): string {
  if (/^(\/[^/?#\s]+)*\/?$/.test(basePath) && basePath !== "") return basePath.replace(/\/$/, "");
  throw new ConfigError(`basePath=${JSON.stringify(basePath)} is not valid: a path such as "/ai".`);
}

/** Says so, once, when the router turns out to be mounted elsewhere: clients look for WebSockets beside it. */
function mountCheck(base: string): (request: IncomingMessage & { baseUrl?: string }) => void {
  let told = false;
  return ({ baseUrl = "" }) => {
    if (told || baseUrl.toLowerCase() === base.toLowerCase()) return;
    told = true;
    process.emitWarning(
      `The router is mounted at "${baseUrl || "/"}", but WebSockets are at "${base}/ws": set basePath to the same path.`,
      "SluiceWarning",
    );
  };
}

/** The places for threads, and for what graphs remember of them. */
function storageOf(dataDir: string | undefined, store: Store | undefined) {
  if (dataDir === undefined) {
    const checkpointer = new MemorySaver();
    return { store, checkpointer, forget: (threadId: string) => void checkpointer.deleteThread(threadId) };
  }
  if (store) throw new ConfigError("dataDir and store: give one of them.");
  try {
    return openStorage(dataDir);
  } catch (error) {
    throw new ConfigError(`dataDir=${JSON.stringify(dataDir)}: ${messageOf(error)}`, { cause: error });
  }
}

function serve(
  agents: SluiceOptions["agents"],
  filters: SluiceOptions["filters"] = {},
  settings: ReturnType<typeof settingsFrom>,
  logger: Logger,
): Agents {
  const given = Object.entries(isRecord(agents) ? agents : {}).map(([name, agent]) => {
    // The result of `createAgent()` has a graph too, but also acts like one.
    const alone = !isRecord(agent) || !("graph" in agent) || "streamEvents" in agent;
    const { graph, ...entry } = alone ? { graph: agent } : agent;
    return { name, graph: graphOf(name, graph), entry: { ...entry, graph: name } };
  });
  const entries = Object.fromEntries(given.map(({ name, entry }) => [name, entry]));
  const checked = checkAgents("createSluice", { agents: entries, filters });
  const known = given.flatMap(({ name, graph }) => {
    const entry = checked.agents[name];
    return entry ? [{ name, entry, graph }] : [];
  });
  for (const notice of checkNames(known, checked.filters)) logger.warn({}, notice);
  const [first, ...rest] = known.map(({ name, entry, graph }) =>
    servedAgent(name, entry, { ...settings, filters: checked.filters }, graph),
  );
  if (!first) throw new ConfigError("createSluice, agents: name at least one agent.");
  return [first, ...rest];
}

function graphOf(name: string, graph: unknown): ServedGraph {
  try {
    return givenGraph(graph, `agents.${name}.graph`);
  } catch (error) {
    throw new ConfigError(`createSluice, ${messageOf(error)}`, { cause: error });
  }
}
