/** WebSockets: who may open one, in which format, and how long a dead one is kept. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { SluiceError } from "../protocol/errors.ts";
import { checkId } from "../protocol/ids.ts";
import { parseWith } from "../protocol/input.ts";
import { Connection } from "./connection.ts";
import { agui } from "./formats/agui.ts";
import type { Format } from "./formats/format.ts";
import { langgraph } from "./formats/langgraph.ts";
import { textFormat } from "./formats/text.ts";
import { parseNarrowing } from "./narrowing.ts";
import { hostCheck, originCheck } from "./origins.ts";
import type { ServerOptions } from "./server-options.ts";
import { WsPeer } from "./ws-peer.ts";

const FORMATS: Record<"agui" | "langgraph" | "text", () => Format> = {
  agui: () => agui,
  langgraph: () => langgraph,
  text: textFormat,
};

const query = z.object({
  agent: z.string().optional(),
  thread: z.string().optional(),
  format: z.enum(["agui", "langgraph", "text"], { error: "valid are agui, langgraph and text" }).default("agui"),
});

/** The most commands a socket may have waiting; it is read again as they are done. */
const MAX_PENDING_COMMANDS = 16;

export class WebSocketHost {
  readonly #options: ServerOptions;
  readonly #server: WebSocketServer;
  readonly #originAllowed: (origin: string | undefined) => boolean;
  readonly #hostAllowed: (host: string | undefined) => boolean;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #peers = new Map<WebSocket, WsPeer>();
  /** Sockets that have not answered since the last ping. */
  readonly #silent = new WeakSet<WebSocket>();

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#originAllowed = originCheck(options.allowedOrigins);
    this.#hostAllowed = options.checkHost ? hostCheck(options.allowedOrigins) : () => true;
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.maxBodyBytes,
      // A deflate context costs 240 kB a socket and ten times the CPU a token.
      perMessageDeflate: false,
      clientTracking: false,
    });
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs);
    this.#heartbeat.unref();
  }

  get size(): number {
    return this.#peers.size;
  }

  /** Answers the upgrades of `server` whose path is `path`; others are left to whoever else listens. */
  attach(server: Server, path: string): void {
    server.on("upgrade", (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      const url = new URL(request.url ?? "/", "http://host");
      if (url.pathname === path) this.#upgrade(request, socket, head, url.searchParams);
      else if (server.listenerCount("upgrade") === 1) refuse(socket, new SluiceError("not_found"));
    });
  }

  /** Tells every socket to come back elsewhere, then cuts what is still open. */
  async close(): Promise<void> {
    clearInterval(this.#heartbeat);
    for (const peer of this.#peers.values()) peer.close("draining");
    const gone = [...this.#peers.keys()].map(
      (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
    );
    const timer = setTimeout(() => {
      for (const socket of this.#peers.keys()) socket.terminate();
    }, 1_000);
    await Promise.all(gone);
    clearTimeout(timer);
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, parameters: URLSearchParams): void {
    // A socket that breaks before it is a WebSocket concerns nobody; unheard, its error would end the process.
    socket.on("error", () => socket.destroy());
    let open: (peer: WsPeer) => Connection;
    try {
      open = this.#admit(request, Object.fromEntries(parameters));
    } catch (error) {
      refuse(socket, SluiceError.from(error));
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket, open));
  }

  /** Everything that can be wrong is found before the handshake, where HTTP can still say so. */
  #admit(request: IncomingMessage, parameters: Record<string, string>): (peer: WsPeer) => Connection {
    const { runs, log, registry, maxSockets, ready } = this.#options;
    if (!this.#hostAllowed(request.headers.host)) throw new SluiceError("forbidden", HOST_REFUSED);
    if (!this.#originAllowed(request.headers.origin)) throw new SluiceError("forbidden", ORIGIN_REFUSED);
    if (!ready()) throw new SluiceError("draining");
    if (this.#peers.size >= maxSockets) throw new SluiceError("overloaded");
    const { agent, thread, format } = parseWith(query, parameters, "query");
    const narrowing = parseNarrowing(parameters);
    if (agent !== undefined) registry.get(agent);
    const threadId = thread === undefined ? undefined : checkId("thread", thread);
    return (peer) =>
      new Connection({
        runs,
        log,
        peer,
        format: FORMATS[format](),
        narrowing,
        agent,
        threadId,
        expelled: (error) => peer.close(error.code),
      });
  }

  #serve(socket: WebSocket, open: (peer: WsPeer) => Connection): void {
    const peer = new WsPeer(socket, this.#options.slowConsumerMs);
    const connection = open(peer);
    this.#peers.set(socket, peer);
    // ws closes by itself on what is no WebSocket, with the right code; the error event only repeats why.
    socket.on("error", () => {});
    socket.once("close", () => this.#peers.delete(socket));
    socket.on("pong", () => this.#silent.delete(socket));
    // One command after the other, so that a line typed behind a line finds the thread as the first one left it.
    let tail = connection.open();
    let pending = 0;
    const { failed } = this.#options;
    const next = async (text: string) => {
      try {
        await connection.receive(text);
      } catch (error) {
        failed(error, "websocket command");
      }
      pending -= 1;
      if (pending < MAX_PENDING_COMMANDS && socket.isPaused) socket.resume();
    };
    socket.on("message", (data, isBinary) => {
      if (isBinary) return socket.close(1003, "Text only.");
      pending += 1;
      if (pending >= MAX_PENDING_COMMANDS) socket.pause();
      tail = tail.then(() => next(data.toString()));
    });
    tail.catch((error: unknown) => failed(error, "websocket open"));
  }

  #beat(): void {
    for (const socket of this.#peers.keys()) {
      if (this.#silent.has(socket)) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN) {
        this.#silent.add(socket);
        socket.ping();
      }
    }
  }
}

export const HOST_REFUSED = "This host name is not served. Add its origin to ALLOWED_ORIGINS.";
export const ORIGIN_REFUSED = "This origin may not connect. Add it to ALLOWED_ORIGINS.";

function refuse(socket: Duplex, error: SluiceError): void {
  const body = JSON.stringify({ error });
  socket.end(
    `HTTP/1.1 ${error.status} ${error.code}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}
