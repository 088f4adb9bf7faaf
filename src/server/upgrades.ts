/** Handles the upgrades of some paths of an HTTP server, which its other listeners then do not get. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { SluiceError } from "../protocol/errors.ts";

export interface Upgrade {
  readonly request: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly parameters: URLSearchParams;
  /** The values of the path's variable segments, by name. */
  readonly segments: Readonly<Record<string, string>>;
}

/** A path, and the function that handles its upgrades. A segment like `:threadId` matches any segment. */
export interface UpgradePath {
  readonly path: string;
  readonly take: (upgrade: Upgrade) => void;
}

/**
 * Passes each upgrade of `server` to the first of `paths` that matches, until the returned function is called. Other
 * upgrades go to the server's other listeners. If there are none, they are answered with 404, because Node would leave
 * them open.
 *
 * Upgrades of `paths` never reach the listeners. A `WebSocketServer` of ws with a server and a path refuses every
 * upgrade except its own, and other listeners end upgrades that were not answered at once.
 */
export function takeUpgrades(server: Server, paths: readonly UpgradePath[]): () => void {
  const { emit } = server;
  let taking = true;
  const intercept = (event: string | symbol, ...args: unknown[]): boolean => {
    if (taking && event === "upgrade") {
      const [request, socket, head] = args as [IncomingMessage, Duplex, Buffer];
      if (!isWebSocket(request)) {
        if (hasOthers(server)) return Reflect.apply(emit, server, [event, ...args]);
        handBack(server, request, socket, head);
        return true;
      }
      // The target may be any text: `//` is not a URL, and an error here would end the process.
      const target = request.url ?? "/";
      const url = URL.canParse(target, "http://host") ? new URL(target, "http://host") : undefined;
      for (const { path, take } of paths) {
        const segments = url && segmentsIn(path, url.pathname);
        if (!segments) continue;
        // A socket may break before it becomes a WebSocket. Without a listener, its error would end the process.
        socket.on("error", destroy);
        take({ request, socket, head, parameters: url.searchParams, segments });
        return true;
      }
    }
    return Reflect.apply(emit, server, [event, ...args]);
  };
  server.emit = intercept as typeof emit;
  // Without a listener, Node upgrades no connection.
  server.on("upgrade", answerWhenAlone);
  return () => {
    taking = false;
    server.off("upgrade", answerWhenAlone);
    // Other code may have wrapped this function since. Then it stays, and passes everything on.
    if (server.emit === intercept) server.emit = emit;
  };
}

/** Returns the values of a pattern's variable segments in a path; `undefined` if the path does not match. */
function segmentsIn(pattern: string, path: string): Record<string, string> | undefined {
  const given = path.split("/");
  const wanted = pattern.split("/");
  if (given.length !== wanted.length) return undefined;
  const segments: Record<string, string> = {};
  for (const [index, name] of wanted.entries()) {
    const value = decoded(given[index] ?? "");
    if (name.startsWith(":") && value) segments[name.slice(1)] = value;
    else if (value !== name) return undefined;
  }
  return segments;
}

function decoded(segment: string): string | undefined {
  try {
    return decodeURIComponent(segment);
  } catch {
    return undefined; // Not valid text, so it is not one of these paths.
  }
}

function isWebSocket({ headers }: IncomingMessage): boolean {
  return headers.upgrade?.toLowerCase() === "websocket";
}

function hasOthers(server: Server): boolean {
  return server.listeners("upgrade").some((listener) => listener !== answerWhenAlone);
}

/**
 * Gives a request back to the server as if it had not asked for an upgrade. Java's HttpClient and `curl --http2` offer
 * HTTP/2 in this way, and Node accepts every offer while there is a listener for upgrades.
 */
function handBack(server: Server, request: IncomingMessage, socket: Duplex, head: Buffer): void {
  const { method, url, httpVersion, rawHeaders } = request;
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`;
  for (let index = 0; index < rawHeaders.length; index += 2) {
    const name = rawHeaders[index] ?? "";
    const value = rawHeaders[index + 1] ?? "";
    const kept = /^connection$/i.test(name) ? value.split(",").filter((token) => !UPGRADING.test(token)) : [value];
    if (!UPGRADING.test(name) && kept.length > 0) text += `${name}: ${kept.join(",").trim()}\r\n`;
  }
  socket.unshift(Buffer.concat([Buffer.from(`${text}\r\n`, "latin1"), head]));
  server.emit("encrypted" in socket ? "secureConnection" : "connection", socket);
}

function destroy(this: Duplex): void {
  this.destroy();
}

const UPGRADING = /^\s*(upgrade|http2-settings)\s*$/i;

function answerWhenAlone(this: Server, _request: IncomingMessage, socket: Duplex): void {
  if (hasOthers(this) || socket.writableEnded) return;
  socket.on("error", destroy);
  refuse(socket, new SluiceError("not_found"));
}

/** Answers an upgrade with an error in JSON. */
export function refuse(socket: Duplex, error: SluiceError): void {
  const body = JSON.stringify({ error });
  // A half-open socket would stay open: no timeout of the server applies to a socket that asked for an upgrade.
  socket.once("finish", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${error.status} ${error.code}\r\nConnection: close\r\nContent-Type: application/json\r\n${retryAfter(error)}` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

function retryAfter({ retryable, details }: SluiceError): string {
  return retryable ? `Retry-After: ${String(details?.retryAfterSeconds ?? 1)}\r\n` : "";
}
