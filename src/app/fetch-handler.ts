/** Sluice for frameworks of web standards: a `Request` in, a `Response` out. */
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
 * Serves the routes of `sluice` below its `basePath` to a framework of web standards, such as Hono or Next.js. Answers
 * stream at the pace at which they are read; an aborted request or a cancelled body is a client that went away. WebSockets
 * need the host's server: `sluice.attach(server)`.
 */
export function toFetchHandler({ router, basePath }: Pick<Sluice, "router" | "basePath">): FetchHandler {
  const app = express();
  app.disable("x-powered-by");
  app.disable("etag");
  app.use(basePath || "/", router);
  app.use((_request, response) => {
    response.status(404).json({ error: new SluiceError("not_found", "There is no such route.") });
  });
  // It listens nowhere: each request comes over a connection in memory, so Node's own HTTP keeps order, pace and ends.
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

/** Sends the body, and gives the answer once its head is there. */
function answer(outgoing: ReturnType<typeof send>, { body }: Request): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    outgoing.once("response", resolve);
    // Also while the answer streams: nobody else listens then.
    outgoing.on("error", reject);
    if (body === null) outgoing.end();
    else pipeline(Readable.fromWeb(body as NodeReadableStream), outgoing).catch(reject);
  });
}

/** Both ends of a connection in memory. When one is gone, so is the other. */
function connection(): [Duplex, Duplex] {
  const [ours, theirs] = duplexPair();
  ours.once("close", () => theirs.destroy());
  theirs.once("close", () => ours.destroy());
  // The end of a client is no error of the server's.
  ours.on("error", () => {});
  return [ours, theirs];
}

/** Headers that hold for one connection, and say nothing about the next one. */
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

/** Bytes that wait for a reader before the server is held back. Left to itself, Node counts pieces of any size. */
const MOST_WAITING_BYTES = 65_536;

function bodyOf(incoming: IncomingMessage): ReadableStream {
  const strategy = new ByteLengthQueuingStrategy({ highWaterMark: MOST_WAITING_BYTES });
  return Readable.toWeb(incoming, { strategy }) as ReadableStream;
}
