/** WebSockets: the checks before one opens, and the time that a dead one is kept. */
import { setMaxListeners } from "node:events";
import type { Server } from "node:http";
import type { Duplex } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";
import { context } from "@opentelemetry/api";
import { WebSocket, WebSocketServer } from "ws";
import { Tally } from "../counts/tally.ts";
import { LARGE_BYTES } from "../limits/limits.ts";
import { SluiceError } from "../protocol/errors.ts";
import { SUBPROTOCOL } from "../protocol/frames.ts";
import type { Dialogue } from "./dialogue.ts";
import { protocolSocket } from "./langgraph/protocol-socket.ts";
import { originGuard } from "./origins.ts";
import type { Unread } from "./peer.ts";
import { traceOf } from "./request-spans.ts";
import type { ServerOptions } from "./server-options.ts";
import { sluiceSocket } from "./sluice-socket.ts";
import type { Opening, SocketRoute } from "./socket-route.ts";
import { Unfinished } from "./unfinished.ts";
import { refuse, takeUpgrades, type Upgrade } from "./upgrades.ts";
import { WsPeer } from "./ws-peer.ts";

/**
 * The milliseconds over which many sockets are closed, and the milliseconds that a socket may take to answer the close.
 */
const SPREAD_MS = 5_000;
const CLOSE_MS = 1_000;

/** The milliseconds between two sockets when all clients reconnect. */
const ROOM_MS = 20;

/**
 * The milliseconds that a client over its limit waits for the refusal of its upgrade. Otherwise a client that tries
 * again at once, on a few connections, causes thousands of refusals a second.
 */
const REFUSAL_MS = 1_000;

interface Served {
  readonly peer: WsPeer;
  readonly dialogue: Dialogue;
  readonly unfinished: Unfinished;
}

export class WebSocketHost {
  readonly #options: ServerOptions;
  readonly #server: WebSocketServer;
  readonly #routes: readonly SocketRoute[];
  readonly #guard: ReturnType<typeof originGuard>;
  /** Detaches from the server. */
  readonly #detach = new Map<Server, () => void>();
  readonly #heartbeat: NodeJS.Timeout;
  readonly #peers = new Map<WebSocket, Served>();
  /** Sockets that have not answered since the last ping. */
  readonly #silent = new WeakSet<WebSocket>();

  readonly #slow = (unread: Unread): void => this.#options.slow("websocket", unread);

  constructor(options: ServerOptions) {
    this.#options = options;
    this.#routes = [sluiceSocket(options), ...(options.langGraphApi ? [protocolSocket(options)] : [])];
    this.#guard = originGuard(options);
    this.#server = new WebSocketServer({
      noServer: true,
      maxPayload: options.maxBodyBytes,
      // A deflate context costs 240 kB a socket and ten times the CPU a token.
      perMessageDeflate: false,
      autoPong: false,
      // Each message and ping in a turn of its own. Else all small ones of a flood that come together are handled at once,
      // before a limit can refuse any, while the other clients wait.
      allowSynchronousEvents: false,
      clientTracking: false,
      handleProtocols: (offered) => (offered.has(SUBPROTOCOL) ? SUBPROTOCOL : false),
    });
    this.#heartbeat = setInterval(() => this.#beat(), options.heartbeatMs);
    this.#heartbeat.unref();
  }

  get size(): number {
    return this.#peers.size;
  }

  /** The number of open sockets, by format. */
  get byFormat(): ReadonlyMap<string, number> {
    const open = new Tally(this.#routes.flatMap(({ formats }) => formats).map((format) => [format, 0]));
    for (const { dialogue } of this.#peers.values()) open.count(dialogue.formatName);
    return open;
  }

  /** Bytes that wait to be written to all of them. */
  get waitingBytes(): number {
    return [...this.#peers.keys()].reduce((sum, { bufferedAmount }) => sum + bufferedAmount, 0);
  }

  /** Answers the upgrades of `server` to the routes below `base`, and no others. Attaching to a server again changes nothing. */
  attach(server: Server, base: string): void {
    if (this.#detach.has(server)) return;
    const paths = this.#routes.map((route) => ({
      path: `${base}${route.path}`,
      take: (upgrade: Upgrade) => void this.#upgrade(upgrade, route),
    }));
    this.#detach.set(server, takeUpgrades(server, paths));
  }

  /**
   * Reports that the server is about to stop, to clients whose format has a frame for it. The fewer clients there are,
   * the sooner they may reconnect.
   */
  drain(): void {
    const spread = Math.min(SPREAD_MS, this.#peers.size * ROOM_MS);
    for (const { dialogue } of this.#peers.values()) dialogue.drain?.(Math.round(Math.random() * spread));
  }

  /**
   * Closes every socket, spread over some seconds so that clients do not all reconnect at once. When `hurry` aborts, it
   * does not wait. Then detaches from the servers.
   */
  async close(hurry: AbortSignal): Promise<void> {
    clearInterval(this.#heartbeat);
    setMaxListeners(0, hurry); // Each socket adds a listener.
    const spread = Math.min(SPREAD_MS, this.#peers.size * 2);
    await Promise.all(
      [...this.#peers].map(async ([socket, { peer }], index) => {
        await pause((spread * index) / this.#peers.size, hurry);
        peer.close("draining");
        // A client that does not answer the close is cut.
        const timer = setTimeout(() => socket.terminate(), CLOSE_MS);
        if (!peer.closed.aborted) await new Promise((resolve) => socket.once("close", resolve));
        clearTimeout(timer);
      }),
    );
    for (const detach of this.#detach.values()) detach();
    this.#detach.clear();
  }

  async #upgrade(upgrade: Upgrade, route: SocketRoute): Promise<void> {
    let open: Opening;
    let counted = false;
    let guarded = false;
    const { request, socket, head } = upgrade;
    const { limits, ready, maxSockets } = this.#options;
    const place = limits.socketPlace();
    try {
      socket.on("close", () => place.leave());
      try {
        place.take({ request });
      } finally {
        await limits.handshake(request);
        counted = true;
      }
      this.#guard(request);
      guarded = true;
      if (!ready()) throw new SluiceError("draining");
      if (this.#peers.size >= maxSockets) throw new SluiceError("overloaded");
      open = await route.admit(upgrade, place);
    } catch (thrown) {
      const error = SluiceError.from(thrown);
      if (error.code === "internal") this.#options.failed(thrown, "websocket upgrade");
      if (guarded && route.closesWithReason && !error.retryable) {
        this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#turnAway(webSocket, socket, error));
        return;
      }
      if (error.code === "rate_limited") {
        // It waits in its place, so that nobody can have many sockets wait.
        if (place.isTaken) await sleep(REFUSAL_MS);
        else if (!counted) return void socket.destroy();
      }
      place.leave();
      refuse(socket, error);
      return;
    }
    this.#server.handleUpgrade(request, socket, head, (webSocket) => this.#serve(webSocket, open, upgrade));
  }

  /** Closes a socket with an error's code, because its client would otherwise reconnect in vain. */
  #turnAway(socket: WebSocket, stream: Duplex, { code, message }: SluiceError): void {
    socket.on("error", nothing);
    const peer = new WsPeer(socket, stream, this.#options.slowConsumerMs, nothing);
    expel(socket, () => peer.close(code, message));
  }

  #serve(socket: WebSocket, open: Opening, { request, socket: stream }: Upgrade): void {
    const { limits, connections, shareWatch, slowConsumerMs, failed } = this.#options;
    const peer = new WsPeer(socket, stream, slowConsumerMs, this.#slow);
    const dialogue = open(peer);
    const unfinished = new Unfinished(request.socket);
    this.#peers.set(socket, { peer, dialogue, unfinished });
    const share = dialogue.visitor?.principal.share;
    if (share) shareWatch.add(share.id, () => expel(socket, () => peer.close("unauthorized")), peer.closed);
    connections.add(peer, peer.closed);
    // After invalid data ws closes the socket itself, with the right code. The error event only repeats the reason.
    socket.on("error", nothing);
    socket.on("close", () => this.#peers.delete(socket));
    socket.on("pong", ({ length }) => {
      this.#silent.delete(socket);
      unfinished.control(length);
    });
    const clientNow = () => dialogue.visitor?.client ?? { request };
    // Messages are carried out in their order, also after one that waits for its turn.
    let due: Promise<void> = dialogue.open().catch((error: unknown) => failed(error, "websocket open"));
    const parent = traceOf(request);
    /** `then` is called if the client may send this message. */
    const receive = async (bytes: number, then: () => Promise<void> | undefined) => {
      if (peer.isShut) return;
      try {
        await limits.message(clientNow(), bytes);
        await then();
      } catch (error) {
        if (SluiceError.is(error) && error.code === "rate_limited") peer.shut(error.code);
        else failed(error, "websocket command");
      }
    };
    socket.on("ping", (data) => {
      unfinished.control(data.length);
      peer.pong(data);
      void receive(data.length, () => undefined);
    });
    socket.on("message", (data, isBinary) => {
      this.#silent.delete(socket);
      unfinished.message();
      if (isBinary) socket.close(1003, "Text only.");
      else {
        const text = data.toString();
        const bytes = Buffer.byteLength(text);
        const carryOut = () => {
          if (bytes >= LARGE_BYTES) due = due.then(() => limits.turn(clientNow()));
          return due.then(() => (peer.isShut ? undefined : dialogue.receive(text)));
        };
        void context.with(parent, () => receive(bytes, carryOut));
      }
    });
  }

  #beat(): void {
    for (const [socket, { peer, dialogue, unfinished }] of this.#peers) {
      dialogue.beat?.();
      const progress = unfinished.progress();
      if (peer.paused) this.#silent.delete(socket);
      // A client can answer a ping only after the message that it is sending.
      else if (progress === "stalled" || (progress === "idle" && this.#silent.has(socket))) socket.terminate();
      else if (socket.readyState === WebSocket.OPEN) {
        this.#silent.add(socket);
        socket.ping();
      }
    }
  }
}

function nothing(): void {}

/** A client that does not answer the close is cut. */
function expel(socket: WebSocket, close: () => void): void {
  close();
  const timer = setTimeout(() => socket.terminate(), CLOSE_MS);
  socket.once("close", () => clearTimeout(timer));
}

async function pause(ms: number, hurry: AbortSignal): Promise<void> {
  if (hurry.aborted || ms <= 0) return;
  await sleep(ms, undefined, { signal: hurry }).catch(() => {}); // Aborted only to be done sooner.
}
