/** Sluice for frameworks that use web standards: a `Request` in, a `Response` out. */
import { createServer, type IncomingMessage, type OutgoingHttpHeaders, request as send } from "node:http";
import { type Duplex, duplexPair, Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import type { ReadableStream as NodeReadableStream } from "node:stream/web";
import express from "express";
import { SluiceError } from "../protocol/errors.ts";
import type { Sluice } from "./sluice.ts";

/** Facts about a request's client that the host knows, and that a `Request` does not carry. */
export interface FetchClient {
  /** The address that the limits count. Without one all clients that have not signed in are counted as one. */
  readonly remoteAddress?: string | undefined;
}

/** Answers a request. It rejects only when the request is aborted before its answer has begun. */
export type FetchHandler = (request: Request, client?: FetchClient) => Promise<Response>;

/**
 * Serves the routes of `sluice` below its `basePath` to a framework that uses web standards, such as Hono or Next.js.
 * Answers stream as fast as they are read. If a request is aborted or a body is cancelled, the client counts as
 * disconnected. WebSockets need the host's server: `sluice.attach(server)`.
 */
export function toFetchHandler({ router, basePath }: Pick<Sluice, "router" | "basePath">): FetchHandler {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(basePath || "/", router);
  app.use((_request, response) => {
    response.status(404).json({ error: new SluiceError("not_found", "There is no such route.") });
  });
  // The server does not listen. Each request comes over a connection in memory, so Node's HTTP code handles the order,
  // the pace and the end.
  const server = createServer(app);

  return async (request, { remoteAddress } = {}) => {
    request.signal.throwIfAborted();
    const { pathname, search } = new URL(request.url);
    const [ours, theirs] = connection();
    const outgoing = send({
      method: request.method,
      path: pathname + search,
      headers: headersOf(request),
      createConnection: () => theirs,
    });
    server.emit("connection", Object.assign(ours, { remoteAddress }));
    const abort = () => theirs.destroy();
    request.signal.addEventListener("abort", abort, { once: true });
    theirs.once("close", () => request.signal.removeEventListener("abort", abort));
    try {
      return responseOf(await answer(outgoing, request));
    } catch (error) {
      request.signal.throwIfAborted();
      throw error;
    }
  };
}

/** Sends the body, and resolves with the answer when its head has arrived. */
function answer(outgoing: ReturnType<typeof send>, { body }: Request): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    // Never removed: while the answer streams, there is no other listener.
    outgoing.on("error", reject);
    if (body === null) outgoing.end();
    else pipeline(Readable.fromWeb(body as NodeReadableStream), outgoing).catch(reject);
  });
}

/** Makes the two ends of a connection in memory. When one end closes, the other closes too. */
function connection(): [Duplex, Duplex] {
  const [ours, theirs] = duplexPair();
  ours.once("close", () => theirs.destroy());
  theirs.once("close", () => ours.destroy());
  // A client that disconnects is not an error of the server.
  ours.on("error", () => {});
  return [ours, theirs];
}

/** Headers that apply to one connection only. */
const OF_ONE_CONNECTION = new Set(["connection", "keep-alive", "transfer-encoding", "upgrade", "expect", "te"]);

function headersOf({ url, headers }: Request): OutgoingHttpHeaders {
  const passed = [...headers].filter(([name]) => !OF_ONE_CONNECTION.has(name) && name !== "content-length");
  return { host: new URL(url).host, ...Object.fromEntries(passed) };
}

function responseOf(incoming: IncomingMessage): Response {
  const headers = new Headers();
  for (const [name, values = []] of Object.entries(incoming.headersDistinct)) {
    if (!OF_ONE_CONNECTION.has(name)) for (const value of values) headers.append(name, value);
  }
  const { statusCode: status = 500, statusMessage: statusText = "" } = incoming;
  const bare = status === 204 || status === 304;
  if (bare) incoming.resume();
  return new Response(bare ? null : bodyOf(incoming), { status, statusText, headers });
}

/** The most bytes that wait for a reader before the server has to wait. By default Node counts pieces, of any size. */
const MOST_WAITING_BYTES = 65_536;

function bodyOf(incoming: IncomingMessage): ReadableStream {
  const strategy = new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING_BYTES });
  return Readable.toWeb(incoming, { strategy }) as ReadableStream;
}
