/** Sluice inside somebody else's app: a router for their Express app, and WebSockets on their HTTP server. */
import { readFileSync } from "node:fs";
import type { IncomingMessage, Server } from "node:http";
import { fileURLToPath } from "node:url";
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
import { type ConnectedStorage, storageOf } from "./embedded-storage.ts";
import { checkNames } from "./known-names.ts";
import { type Runs, runsOf } from "./runs.ts";
import { servedAgent } from "./served-agent.ts";

/** A compiled graph, a `StateGraph` that is not compiled yet, or the result of LangChain's `createAgent()`. */
export type GraphLike =
  | ServedGraph
  | {
      /** The graph, compiled. */
      compile(): ServedGraph;
    }
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
  /** The time until which the identity is valid, in milliseconds since the Unix epoch. Its sockets are closed then. */
  readonly expiresAt?: number | undefined;
}

export interface SluiceOptions extends SettingOptions {
  /**
   * Graphs by name, or with settings of their own. The first answers when a client names none. A graph that was
   * compiled without a checkpointer gets one. It stores the graph's checkpoints in the same place as the threads. A
   * graph that was compiled without a store gets a store in the same way.
   */
  readonly agents: Readonly<Record<string, GraphLike | AgentOptions>>;
  /** Allow-lists by name, for the agents' `filter`. */
  readonly filters?: Readonly<Record<string, AllowListSpec>> | undefined;
  /** The path that the router is mounted at, such as `"/ai"`: WebSockets are then at `/ai/ws`. Default `"/"`. */
  readonly basePath?: string | undefined;
  /** A folder that only this process uses. `sluice.db` in it stores the threads. Default: they are kept in memory. */
  readonly dataDir?: string | undefined;
  /** Stores the threads instead of `dataDir`. It does not store the graphs' checkpoints. `close()` closes it. */
  readonly store?: Store | undefined;
  /**
   * Stores threads, checkpoints and events in Postgres and Redis, which several processes may share: the result of
   * `connectStorage`. `close()` closes it. The limits of the log are options of `connectStorage` then.
   */
  readonly storage?: ConnectedStorage | undefined;
  /**
   * Names the client of each request to Sluice's routes and of each WebSocket: an identity, `true` for a client without
   * a name, or `false`. Any other value is answered with 401, like `false`. Threads belong to the identity that made
   * them; threads of clients without a name belong to all of these clients. A WebSocket passes none of the app's
   * middleware, so sign-in has to be checked here. `authorize` is not called for the playground's page, which contains
   * no data. `request.url` is the whole path and query, wherever the router is mounted. Default: everybody may come in,
   * without a name.
   */
  readonly authorize?: ((request: IncomingMessage) => boolean | Identity | Promise<boolean | Identity>) | undefined;
  /**
   * `true`: `authorize` may use cookies. Requests that have a cookie and change something then need an `Origin`, and
   * `allowedOrigins` cannot be `"*"`. `false`: `authorize` gets requests without cookies. Default `true`.
   */
  readonly cookies?: boolean | undefined;
  /**
   * The value of `runtime.context` in a client's runs, an object of plain JSON. It is called for each run. It overrides
   * the values in the agents' entries, and those that clients send for keys in `clientContext`. `requester.request` is
   * the request that `authorize` gets; for a WebSocket, the request that opened it. It is absent for runs that the app
   * starts itself.
   */
  readonly context?: ((requester: Requester) => object | Promise<object>) | undefined;
  /** `true`: the playground is shown to browsers at the base path. Default `false`. */
  readonly playground?: boolean | undefined;
  /** Logs errors and warnings; may be a pino logger or `console`. Default: nothing is logged. */
  readonly logger?: Logger | undefined;
}

/** Sluice within another app: what `createSluice` returns. */
export interface Sluice {
  /** For `app.use(basePath, router)` of Express 5 or 4. Requests for other paths pass through untouched. */
  readonly router: Middleware;
  /** The path that the router is to be mounted at, without a slash at its end: `""` for the root. */
  readonly basePath: string;
  /**
   * Answers WebSockets of `server` at `ws` below the base path, and leaves all other upgrades alone. May be called for
   * several servers. A second call for the same server changes nothing.
   */
  attach(server: Server): void;
  /** Lets the app itself start and cancel runs. */
  readonly runs: Runs;
  /** The counts so far, in Prometheus' text format, for a route of the app's own. */
  metrics(): Promise<string>;
  /**
   * Starts no more runs, lets active ones finish within `drainSeconds`, ends the rest and the watches over SSE, closes
   * the WebSockets and the store. The servers stay open, and Sluice does not use them any more. A second call returns
   * the same promise.
   */
  close(): Promise<void>;
}

/**
 * Serves agents inside another app, under any path, next to the app's other routes. It reads no settings from
 * environment variables. The values of secrets in environment variables are removed from its errors and logs. It starts
 * nothing that keeps the process alive.
 * @throws ConfigError with one line that names the option that is wrong.
 */
export function createSluice(options: SluiceOptions): Sluice {
  const {
    agents,
    filters,
    basePath,
    dataDir,
    store,
    storage: connection,
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
  const storage = storageOf({ dataDir, store, storage: connection });
  const takeBack = served.map(({ graph }) => lendCheckpointer(graph, storage.checkpointer));
  const core = createCore(
    served,
    settings,
    {
      logger,
      version: version(),
      contextOf: ({ request, ...requester }) =>
        context?.({ ...requester, ...(request ? { request: shown(whole(request), cookies) } : {}) }),
      ...storage,
    },
    {
      // The app decides which host names it serves.
      hosts: undefined,
      sameOrigin: true,
      authenticator: authorize ? byApp((request) => authorize(shown(whole(request), cookies))) : NOBODY,
      cookies: authorize !== undefined && cookies,
      listsAnonymous: true,
      playground: playground ? fileURLToPath(new URL("dist/playground", PACKAGE)) : undefined,
    },
  );
  // Starts of runs wait for the recovery.
  core
    .recover()
    .catch((err: unknown) => logger.error({ err }, "unfinished runs of an earlier process could not be recovered"));
  const shutDown = async () => {
    await core.drain(new AbortController().signal);
    await core.close();
    // Another Sluice may serve the same graphs later, with a checkpointer of its own.
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

/** The request with its whole path: Express removes the mount path from `url`. */
function whole(request: IncomingMessage & { originalUrl?: string }): IncomingMessage {
  const { originalUrl = request.url } = request;
  return Object.create(request, { url: { value: originalUrl } }) as IncomingMessage;
}

/** Returns the path without a slash at its end. @throws ConfigError when it is not a path. */
function checkBasePath(basePath = "/"): string {
  if (/^(\/[^/?#\s]+)*\/?$/.test(basePath) && basePath !== "") return basePath.replace(/\/$/, "");
  throw new ConfigError(`basePath=${JSON.stringify(basePath)} is not valid. Use a path such as "/ai".`);
}

/**
 * Warns once if the router is mounted at another path than `base`, because clients expect the WebSockets at the
 * router's path.
 */
function mountCheck(base: string): (request: IncomingMessage & { baseUrl?: string }) => void {
  let reported = false;
  return ({ baseUrl = "" }) => {
    if (reported || baseUrl.toLowerCase() === base.toLowerCase()) return;
    reported = true;
    process.emitWarning(
      `The router is mounted at "${baseUrl || "/"}", but WebSockets are at "${base}/ws": set basePath to the same path.`,
      "SluiceWarning",
    );
  };
}

function serve(
  agents: SluiceOptions["agents"],
  filters: SluiceOptions["filters"] = {},
  settings: ReturnType<typeof settingsFrom>,
  logger: Logger,
): Agents {
  const given = Object.entries(isRecord(agents) ? agents : {}).map(([name, agent]) => {
    // The result of `createAgent()` has a member `graph`, like `AgentOptions`, but it is a graph itself.
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
