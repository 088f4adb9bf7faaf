/** WebSockets: who may open one, in which format, and how long a dead one is kept. */
import type { IncomingMessage, Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { WebSocket, WebSocketServer } from "ws";
import { z } from "zod";
import { SluiceError } from "../protocol/errors.ts";
import { SUBPROTOCOL } from "../protocol/frames.ts";
import { checkId } from "../protocol/ids.ts";
import { parseWith } from "../protocol/input.ts";
import { Connection } from "./connection.ts";
import type { Conversation } from "./conversation.ts";
import { agui } from "./formats/agui.ts";
import type { Format } from "./formats/format.ts";
import { langgraph } from "./formats/langgraph.ts";
import { textFormat } from "./formats/text.ts";
import { FramesConnection } from "./frames-connection.ts";
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

/** How long closing many sockets is spread, and how long one may take to answer, in milliseconds. */
const SPREAD_MS = 5_000;
const CLOSE_MS = 1_000;

export class WebSocketHost {
  readonly #options: ServerOptions;
  readonly #server: WebSocketServer;
  readonly #originAllowed: (origin: string | undefined) => boolean;
  readonly #hostAllowed: (host: string | undefined) => boolean;
  readonly #heartbeat: NodeJS.Timeout;
  readonly #peers = new Map<WebSocket, { readonly peer: WsPeer; readonly conversation: Conversation }>();
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
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
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
      // A socket that breaks before it is a WebSocket concerns nobody; unheard, its error would end the process.
      socket.on("error", () => socket.destroy());
      // Anything may stand there: `//` is no URL, and an error here would end the process too.
      const target = request.url ?? "/";
      const url = URL.canParse(target, "http://host") ? new URL(target, "http://host") : undefined;
      if (url?.pathname === path) this.#upgrade(request, socket, head, url.searchParams);
      else if (server.listenerCount("upgrade") === 1) refuse(socket, new SluiceError("not_found"));
    });
  }

  /** Tells those who can understand it that the server is about to go. */
  drain(): void {
    for (const { conversation } of this.#peers.values()) conversation.drain?.(Math.round(Math.random() * SPREAD_MS));
  }

  /** Closes every socket, spread over a while so that not all come back at once; none of it when `hurry` aborts. */
  async close(hurry: AbortSignal): Promise<void> {
    clearInterval(this.#heartbeat);
    const spread = Math.min(SPREAD_MS, this.#peers.size * 2);
    await Promise.all(
      [...this.#peers].map(async ([socket, { peer }], index) => {
        await pause((spread * index) / this.#peers.size, hurry);
        peer.close("draining");
        // Who does not answer the close is cut.
        const timer = setTimeout(() => socket.terminate(), CLOSE_MS);
        if (!peer.closed.aborted) await new Promise((resolve) => socket.once("close", resolve));
        clearTimeout(timer);
      }),
    );
  }

  #upgrade(request: IncomingMessage, socket: Duplex, head: Buffer, parameters: URLSearchParams): void {
    let open: (peer: WsPeer) => Conversation;
    try {
      open = this.#admit(request, Object.fromEntries(parameters));
    } catch (error) {
      refuse(socket, SluiceError.from(error));
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket, open));
  }

  /** Everything that can be wrong is found before the handshake, where HTTP can still say so. */
  #admit(request: IncomingMessage, parameters: Record<string, string>): (peer: WsPeer) => Conversation {
    const { runs, log, registry, maxSockets, maxBodyBytes, heartbeatMs, ready, failed } = this.#options;
    if (!this.#hostAllowed(request.headers.host)) throw new SluiceError("forbidden", HOST_REFUSED);
    if (!this.#originAllowed(request.headers.origin)) throw new SluiceError("forbidden", ORIGIN_REFUSED);
    if (!ready()) throw new SluiceError("draining");
    if (this.#peers.size >= maxSockets) throw new SluiceError("overloaded");
    const { agent, thread, format } = parseWith(query, parameters, "query");
    const narrowing = parseNarrowing(parameters);
    if (agent !== undefined) registry.get(agent);
    const offered = request.headers["sec-websocket-protocol"]?.split(",").map((name) => name.trim());
    if (offered?.includes(SUBPROTOCOL)) {
      return (peer) =>
        new FramesConnection({ runs, log, peer, agent, heartbeatMs, maxMessageBytes: maxBodyBytes, failed });
    }
    if (offered) throw new SluiceError("bad_request", `Unknown subprotocol; valid is ${SUBPROTOCOL}, or none.`);
    const threadId = thread === undefined ? undefined : checkId("thread", thread);
    const expelled = (peer: WsPeer) => (error: SluiceError) => peer.close(error.code);
    return (peer) =>
      new Connection({
        runs,
        log,
        peer,
        format: FORMATS[format](),
        narrowing,
        agent,
        threadId,
        expelled: expelled(peer),
      });
  }

  #serve(socket: WebSocket, open: (peer: WsPeer) => Conversation): void {
    const peer = new WsPeer(socket, this.#options.slowConsumerMs);
    const conversation = open(peer);
    const { failed } = this.#options;
    this.#peers.set(socket, { peer, conversation });
    // ws closes by itself on what is no WebSocket, with the right code; the error event only repeats why.
    socket.on("error", () => {});
    socket.once("close", () => this.#peers.delete(socket));
    socket.on("pong", () => this.#silent.delete(socket));
    const opened = conversation.open().catch((error: unknown) => failed(error, "websocket open"));
    const receive = async (text: string) => {
      try {
        await opened;
        await conversation.receive(text);
      } catch (error) {
        failed(error, "websocket command");
      }
    };
    socket.on("message", (data, isBinary) => {
      if (isBinary) socket.close(1003, "Text only.");
      else void receive(data.toString());
    });
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
  // Half open it would be nobody's: no timeout of the server's covers a socket that asked for an upgrade.
  socket.once("finish", () => socket.destroy());
  socket.end(
    `HTTP/1.1 ${error.status} ${error.code}\r\nConnection: close\r\nContent-Type: application/json\r\n` +
      `Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`,
  );
}

async function pause(ms: number, hurry: AbortSignal): Promise<void> {
  if (hurry.aborted || ms <= 0) return;
  await sleep(ms, undefined, { signal: hurry }).catch(() => {}); // Aborted only to be done sooner.
}
