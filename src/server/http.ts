/** The HTTP host: one Express application with its defences, then the rooms' doors. */
import cors from "cors";
import express, { type ErrorRequestHandler, type Express, type RequestHandler } from "express";
import helmet from "helmet";
import { SluiceError } from "../protocol/errors.ts";
import { hostCheck, originCheck } from "./origins.ts";
import { playgroundRoutes } from "./playground.ts";
import { aguiRoutes } from "./routes/agui.ts";
import { chatRoutes } from "./routes/chat.ts";
import { healthRoutes } from "./routes/health.ts";
import { threadRoutes } from "./routes/threads.ts";
import type { ServerOptions } from "./server-options.ts";
import { HOST_REFUSED, ORIGIN_REFUSED } from "./ws.ts";

export function httpApp(options: ServerOptions): Express {
  const { allowedOrigins, checkHost, maxBodyBytes, playground, failed } = options;
  const originAllowed = originCheck(allowedOrigins);
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(helmet());
  // Probes come from orchestrators that use bare addresses, and say nothing worth guarding.
  app.use(healthRoutes(options));
  if (checkHost) app.use(refuseUnless((headers) => hostCheck(allowedOrigins)(headers.host), HOST_REFUSED));
  app.use(refuseUnless((headers) => originAllowed(headers.origin), ORIGIN_REFUSED));
  app.use(cors({ origin: true, exposedHeaders: ["Retry-After"], maxAge: 600 }));
  app.use(express.json({ limit: maxBodyBytes }));
  app.use("/agui", aguiRoutes(options));
  app.use(chatRoutes(options));
  app.use("/threads", threadRoutes(options));
  if (playground !== undefined) app.use(playgroundRoutes(playground));
  app.get("/", (_request, response) => {
    response.type("text/plain").send(DOORS);
  });
  app.use((_request, _response, next) => {
    next(new SluiceError("not_found", "There is no such route. GET / lists them."));
  });
  app.use(errorHandler(failed));
  return app;
}

const DOORS = `Sluice

GET  /                                this list; to a browser the playground, unless PLAYGROUND is off
POST /agui                            AG-UI RunAgentInput in, AG-UI events out (SSE; JSON with Accept: application/json)
POST /agui/agent/:agent/run           the same, for one agent
POST /agui/agent/:agent/connect       {"threadId": "..."} in, its history and what happens now out
POST /agui/agent/:agent/stop/:thread  cancel the thread's run
GET  /agui/info                       the agents
POST /chat                            {"message": "..."} in, the whole answer out
GET  /threads                         conversations, the last used first (?limit= ?before=, the next of the page before)
GET  /threads/:thread                 one of them
DELETE /threads/:thread               forget it: its messages, what the agent remembers, its events
GET  /threads/:thread/messages        what was said
GET  /threads/:thread/events          what happens, for as long as you listen (?after= to resume)
GET  /ws                              WebSocket: ?agent= &thread= &format=agui|langgraph|text &events= &tokens= &reasoning=
                                      with the subprotocol sluice.v1: frames, for many threads and for coming back
GET  /healthz, /readyz                operations
`;

function refuseUnless(
  allowed: (headers: { host?: string | undefined; origin?: string | undefined }) => boolean,
  message: string,
): RequestHandler {
  return (request, _response, next) => {
    next(allowed(request.headers) ? undefined : new SluiceError("forbidden", message));
  };
}

function errorHandler(failed: ServerOptions["failed"]): ErrorRequestHandler {
  return (thrown: unknown, request, response, _next) => {
    const error = fromExpress(thrown);
    if (error.code === "internal") failed(thrown, `${request.method} ${request.path}`);
    if (response.headersSent) {
      response.destroy();
      return;
    }
    if (error.retryable) response.setHeader("Retry-After", "1");
    response.status(error.status).json({ error });
  };
}

/** Express and its body parser throw errors with a status of their own. */
function fromExpress(thrown: unknown): SluiceError {
  const { status, type } = (thrown ?? {}) as { status?: unknown; type?: unknown };
  if (thrown instanceof SluiceError) return thrown;
  if (status === 413)
    return new SluiceError("payload_too_large", "The body is too large. The limit is MAX_BODY_BYTES.");
  if (type === "entity.parse.failed") return new SluiceError("bad_request", "The body is not JSON.");
  if (typeof status === "number" && status >= 400 && status < 500) return new SluiceError("bad_request");
  return SluiceError.from(thrown);
}
