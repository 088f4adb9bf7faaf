/** The HTTP host: the routes with their checks, as an application or as a router for another application. */
import cors from "cors";
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
  Router,
} from "express";
import helmet from "helmet";
import { SluiceError } from "../protocol/errors.ts";
import { aiSdkRoutes } from "./ai-sdk/routes.ts";
import { langGraphRoutes } from "./langgraph/routes.ts";
import type { Middleware } from "./middleware.ts";
import { namedOrigins, originGuard } from "./origins.ts";
import { playgroundRoutes } from "./playground.ts";
import { traced } from "./request-spans.ts";
import { aguiRoutes } from "./routes/agui.ts";
import { chatRoutes } from "./routes/chat.ts";
import { documentRoutes } from "./routes/documents.ts";
import { healthRoutes } from "./routes/health.ts";
import { jsonBodies } from "./routes/json-body.ts";
import { type MetricsOptions, metricsRoutes } from "./routes/metrics.ts";
import { HEAD_HEADER } from "./routes/send-events.ts";
import { shareTicketRoutes } from "./routes/shares.ts";
import { threadRoutes } from "./routes/threads.ts";
import { ticketRoutes } from "./routes/tickets.ts";
import { upgradeRequired } from "./routes/upgrade-required.ts";
import type { ServerOptions } from "./server-options.ts";

/** Makes an application that serves only Sluice. */
export function httpApp(options: ServerOptions, metrics?: MetricsOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  // The operator decides whether a domain is for HTTPS alone: browsers remember it for a year, for all its ports.
  app.use(helmet({ strictTransportSecurity: false }));
  // Probes come from orchestrators that use bare addresses, and their answers are not secret.
  app.use(healthRoutes(options));
  if (metrics) app.use(metricsRoutes(metrics));
  else
    app.get("/metrics", notFound("METRICS_TOKEN alone serves the metrics here, METRICS_PORT on a port of their own."));
  app.use(documentRoutes(options));
  app.use(origins(options));
  if (options.playground !== undefined) app.use(playgroundRoutes(options.playground));
  app.get("/", (_request, response) => {
    response.type("text/plain").send(DOORS);
  });
  app.use("/shares", forStrangers(options));
  app.use(forVisitors(options));
  app.use(routes(options));
  app.use(notFound("GET / lists them."));
  app.use(errorHandler(options));
  return app;
}

/** Makes an application that serves only the metrics, for a separate port. */
export function metricsApp(metrics: MetricsOptions, options: ServerOptions): Express {
  const app = express();
  app.disable("x-powered-by");
  app.use(helmet());
  app.use(metricsRoutes(metrics));
  app.use(notFound("GET /metrics is the only one."));
  app.use(errorHandler(options));
  return app;
}

/**
 * Makes a router with the same routes for another application. Requests for its other routes pass through unchanged.
 */
export function httpRouter(options: ServerOptions): Middleware {
  const router = Router();
  const { langGraphApi, aiSdkApi } = options;
  const ours = [...OURS, ...(langGraphApi ? [LANGGRAPH] : []), ...(aiSdkApi ? [AI_SDK] : [])];
  router.use(ours, origins(options));
  router.use("/shares", forStrangers(options));
  router.use(ours, forVisitors(options));
  router.use(routes(options));
  if (options.playground !== undefined) router.use(playgroundRoutes(options.playground));
  router.use(ours, notFound("PROTOCOL.md lists them."));
  router.use(errorHandler(options));
  return (request, response, next) => router(request as Request, response as Response, next);
}

/** The beginning of every route but the playground's. */
const OURS = ["/agui", "/chat", "/threads", "/tickets", "/shares"];

/** The beginnings of routes for clients of other protocols, where they are served. */
const LANGGRAPH = "/langgraph";
const AI_SDK = "/ai-sdk";

function routes(options: ServerOptions): Router {
  const router = Router();
  router.use("/agui", aguiRoutes(options));
  router.use(chatRoutes(options));
  router.use("/threads", threadRoutes(options));
  router.use("/tickets", ticketRoutes(options));
  if (options.langGraphApi) router.use(LANGGRAPH, langGraphRoutes(options));
  if (options.aiSdkApi) router.use(AI_SDK, aiSdkRoutes(options));
  router.get("/ws", upgradeRequired);
  return router;
}

/** Makes the handlers that check hosts and origins, and that set the CORS headers. */
function origins(options: ServerOptions): RequestHandler[] {
  const guard = originGuard(options);
  const named = namedOrigins(options.allowedOrigins);
  const exposedHeaders = ["Content-Location", "Location", "Retry-After", "WWW-Authenticate", HEAD_HEADER];
  const toOrigins = { origin: true, exposedHeaders, maxAge: 600 };
  return [
    (request, _response, next) => {
      guard(request);
      next();
    },
    cors<Request>(({ headers }, callback) => callback(null, { ...toOrigins, credentials: named(headers.origin) })),
  ];
}

/** The routes for requests that need no sign-in, since they bring a secret of their own. */
function forStrangers(options: ServerOptions): Router {
  const { limits, maxBodyBytes } = options;
  const router = Router();
  const maxBytes = Math.min(maxBodyBytes, SECRET_BYTES);
  router.use(jsonBodies({ limits, maxBytes, clientOf: (request) => ({ request }) }), shareTicketRoutes(options));
  return router;
}

/** Signs requests in. A preflight never comes here: it carries no credentials. A body is read and parsed within limits. */
function forVisitors({ limits, door, maxBodyBytes }: ServerOptions): RequestHandler[] {
  return [
    async (request, _response, next) => {
      await door.admit(request);
      next();
    },
    jsonBodies({ limits, maxBytes: maxBodyBytes, clientOf: (request) => door.visitorOf(request).client }),
    traced,
  ];
}

/** The most bytes of a body with a secret in it. */
const SECRET_BYTES = 4_096;

const DOORS = `Sluice

GET  /                                this list; to a browser the playground, unless PLAYGROUND is off
POST /agui                            AG-UI RunAgentInput in, AG-UI events out (SSE; JSON with Accept: application/json)
POST /agui/agent/:agent/run           the same, for one agent
POST /agui/agent/:agent/connect       {"threadId": "..."} in, its history and new events out
POST /agui/agent/:agent/stop/:thread  cancel the thread's run
POST /agui/agent/:agent               the same as .../run
POST /agui/agent/:agent/suggest       the same, but nothing is stored
GET  /agui                            ?threadId= a thread's messages, for TanStack AI; &runId= a run's events. Also
                                      below /agui/agent/:agent
GET  /agui/info                       the agents
GET  /agui/threads                    threads for CopilotKit; PATCH and DELETE /agui/threads/:thread,
                                      POST /agui/threads/:thread/archive, and GET /agui/threads/:thread/messages,
                                      /agui/threads/:thread/events, /agui/threads/:thread/state
POST /chat                            {"message": "..."} in, the whole answer out
GET  /threads                         conversations, the last used first (?limit= ?before=, from "next" of the last page)
GET  /threads/:thread                 one of them
DELETE /threads/:thread               delete it: its messages, what the agent remembers, its events
GET  /threads/:thread/messages        its messages
GET  /threads/:thread/events          its events, until you disconnect (?after= to resume)
/langgraph/...                        LangGraph's own API for its clients, with LANGGRAPH_API=true
/ai-sdk/chat                          the AI SDK's useChat, with AI_SDK_API=true
POST /threads/:thread/shares          a secret with which others may watch it; GET lists its shares
DELETE /threads/:thread/shares/:share revoke one of them
POST /shares/tickets                  {"secret": "..."} of a share in, a ticket that opens one WebSocket out
POST /tickets                         a ticket that opens one WebSocket as you, within 30 s: /ws?ticket=
GET  /ws                              WebSocket: ?agent= &thread= &format=agui|langgraph|text &events= &tokens= &reasoning=
                                      with the subprotocol sluice.v1: frames, for many threads and for reconnecting
GET  /openapi.json, /asyncapi.json    these routes and the socket's messages, for machines
GET  /healthz, /readyz                operations
`;

function notFound(remedy: string): RequestHandler {
  return (_request, _response, next) => next(new SluiceError("not_found", `There is no such route. ${remedy}`));
}

function errorHandler({ failed, maxBodyBytes, authenticator }: ServerOptions): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const error = fromExpress(thrown, maxBodyBytes);
    if (error.code === "internal") failed(thrown, `${request.method} ${request.path}`);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (error.retryable) response.setHeader("Retry-After", String(error.details?.retryAfterSeconds ?? 1));
    // This header says to a page that it can sign in with a key or a token.
    if (error.code === "unauthorized" && authenticator.later) response.setHeader("WWW-Authenticate", "Bearer");
    response.status(error.status).json({ error });
  };
}

/** Express and its body parser throw errors with a status of their own. */
function fromExpress(thrown: unknown, maxBodyBytes: number): SluiceError {
  const { status } = (thrown ?? {}) as { status?: unknown };
  if (SluiceError.is(thrown)) return thrown;
  if (status === 413)
    return new SluiceError("payload_too_large", `The body is too large. MAX_BODY_BYTES is ${maxBodyBytes}.`);
  if (typeof status === "number" && status >= 400 && status < 500) return new SluiceError("bad_request");
  return SluiceError.from(thrown);
}
