/**
 * Watches this process while a graph runs in it: its HTTP requests, the times when bytes arrive, the threads and child
 * processes that it starts, the times when its event loop stands still, and the trigger of the code that runs now. It
 * uses async_hooks, diagnostics channels and the sockets' `push`. It does not change how the graph behaves.
 */
import { AsyncLocalStorage, createHook } from "node:async_hooks";
import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { ClientRequest, IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { nodePath } from "../protocol/graph-event.ts";
import { isRecord } from "../protocol/input.ts";
import { watchBlocking } from "./blocking.ts";
import { caller } from "./caller.ts";
import type { Exchange, Helper, Stall, Trigger } from "./evidence.ts";

/**
 * The kind of resource that calls back into JavaScript, by its async_hooks type. A type that is missing here is
 * `other`.
 */
const NETWORK = /^(TCP|TLS|HTTP|UDP|GETADDRINFO|QUERY|ZLIB|BROTLI)/;
/** Resources that run in the same turn as the code that scheduled them. */
const HOPS = new Set(["TickObject", "Microtask", "Immediate"]);
/** A timer as short as this is a way to yield, not to wait. */
const YIELD_MS = 1;
/** The addresses of services for traces, metrics and errors. No part of an answer comes from them. */
const REPORTING =
  /\/(runs(\/(batch|multipart|[\da-f-]{36}))?|info|v1\/(traces|metrics|logs)|api\/public\/(ingestion|otel\/.*)|envelope|capture)\/?$/;
const PULSE_MS = 20;
/** The event loop stood still when a timer is as late as this. */
const STALL_MS = 100;

interface UndiciRequest {
  readonly method?: string;
  readonly origin?: string | URL;
  readonly path?: string;
}
interface UndiciMessage {
  readonly request: UndiciRequest;
  readonly socket?: Socket;
  readonly response?: { readonly statusCode: number; readonly headers: readonly (Buffer | string)[] };
}

export class Activity {
  readonly exchanges: Exchange[] = [];
  readonly helpers: Helper[] = [];
  readonly stalls: Stall[] = [];
  #began = performance.now();
  readonly #context = new AsyncLocalStorage<true>();
  readonly #byRequest = new WeakMap<object, Exchange>();
  readonly #bySocket = new WeakMap<Socket, Exchange>();
  readonly #triggers = new Map<number, Trigger>();
  /** Resources that continue the turn in which they were scheduled. */
  readonly #hops = new Set<number>();
  #trigger: Trigger = "other";
  #turn = 0;
  #depth = 0;
  #running = false;
  readonly #undo: (() => void)[] = [];

  /** Begins to watch. It is made before the graph's module is loaded. */
  constructor() {
    this.#watchTriggers();
    this.#watchSockets();
    this.#watchRequests();
    this.#undo.push(watchBlocking(() => this.#noteHelper("SPAWNSYNC")));
  }

  /** The cause of the code that calls this, its turn of the event loop, and the time. */
  get instant(): { trigger: Trigger; turn: number; at: number } {
    return { trigger: this.#trigger, turn: this.#turn, at: this.now };
  }

  /** The place of the code that calls this: when, in which node, and whether the run's async context reaches it. */
  get here(): { at: number; node: string | undefined; inContext: boolean } {
    return { at: this.now, node: currentNode(), inContext: this.#context.getStore() === true };
  }

  get running(): boolean {
    return this.#running;
  }

  /** Runs the graph, so that its work is distinguished from the rest of this process. Times count from here. */
  async run<T>(graph: () => Promise<T>): Promise<T> {
    this.#began = performance.now();
    this.#running = true;
    const stopPulse = this.#watchLoop();
    try {
      return await this.#context.run(true, graph);
    } finally {
      this.#running = false;
      stopPulse();
    }
  }

  stop(): void {
    for (const undo of this.#undo) undo();
  }

  /** Milliseconds since the run began. */
  get now(): number {
    return performance.now() - this.#began;
  }

  #watchTriggers(): void {
    const hook = createHook({
      init: (id, type, _trigger, resource) => {
        if (type === "PROMISE") return;
        const hop = HOPS.has(type) || isYield(type, resource);
        this.#triggers.set(id, hop ? this.#trigger : triggerOf(type));
        if (hop) this.#hops.add(id);
        if (this.#running && (type === "WORKER" || type === "PROCESSWRAP")) this.#noteHelper(type);
      },
      before: (id) => {
        const trigger = this.#triggers.get(id);
        // Nested calls are not made by the event loop.
        if (trigger && this.#depth === 0) {
          this.#trigger = trigger;
          if (!this.#hops.has(id)) this.#turn += 1;
        }
        this.#depth += 1;
      },
      after: () => {
        this.#depth = Math.max(this.#depth - 1, 0);
      },
      destroy: (id) => {
        this.#triggers.delete(id);
        this.#hops.delete(id);
      },
    }).enable();
    this.#undo.push(() => hook.disable());
  }

  #noteHelper(type: string): void {
    if (!this.#running || this.#context.getStore() !== true) return;
    const kind = type === "WORKER" ? "worker thread" : "child process";
    const place = caller();
    this.helpers.push({ kind, node: currentNode(), at: this.now, place, blocks: type === "SPAWNSYNC" });
  }

  /** Every byte that a client reads comes in through `push`, in every library. */
  #watchSockets(): void {
    const own = Object.getOwnPropertyDescriptor(Socket.prototype, "push");
    const push = Socket.prototype.push;
    const seen = (socket: Socket) => this.#bySocket.get(socket)?.reads.push(this.now);
    Socket.prototype.push = function (this: Socket, chunk: unknown, encoding?: BufferEncoding) {
      if (chunk !== null) seen(this);
      return push.call(this, chunk, encoding);
    };
    this.#undo.push(() => {
      if (own) Object.defineProperty(Socket.prototype, "push", own);
      else Reflect.deleteProperty(Socket.prototype, "push");
    });
  }

  #watchRequests(): void {
    // `fetch` and undici.
    this.#on<UndiciMessage>("undici:request:create", ({ request }) => {
      const { method = "GET", origin = "", path = "" } = request;
      this.#begin(request, `${method} ${origin}${path.split("?", 1)[0]}`);
    });
    this.#on<UndiciMessage>("undici:client:sendHeaders", ({ request, socket }) => this.#over(request, socket));
    this.#on<UndiciMessage>("undici:request:headers", ({ request, response }) => {
      this.#answered(request, response?.statusCode, headerOf(response?.headers ?? [], "content-type"));
    });
    this.#on<UndiciMessage>("undici:request:trailers", ({ request }) => this.#ended(request));
    this.#on<UndiciMessage>("undici:request:error", ({ request }) => this.#cut(request));
    // `node:http`, and the libraries on top of it.
    this.#on<{ request: ClientRequest }>("http.client.request.start", ({ request }) => {
      this.#begin(request, `${request.method} ${request.protocol}//${request.host}${request.path.split("?", 1)[0]}`);
      if (request.socket) this.#over(request, request.socket);
      else request.once("socket", (socket: Socket) => this.#over(request, socket));
      request.once("close", () => this.#cut(request));
    });
    this.#on<{ request: ClientRequest; response: IncomingMessage }>(
      "http.client.response.finish",
      ({ request, response }) => {
        this.#answered(request, response.statusCode, response.headers["content-type"]);
        response.once("end", () => this.#ended(request));
      },
    );
  }

  #on<T>(channel: string, hear: (message: T) => void): void {
    const listener = (message: unknown) => hear(message as T);
    subscribe(channel, listener);
    this.#undo.push(() => unsubscribe(channel, listener));
  }

  #begin(request: object, what: string): void {
    if (!this.#running || REPORTING.test(what)) return;
    const inContext = this.#context.getStore() === true;
    const exchange: Exchange = { what, node: currentNode(), inContext, startedAt: this.now, reads: [] };
    this.#byRequest.set(request, exchange);
    this.exchanges.push(exchange);
  }

  #over(request: object, socket: Socket | undefined): void {
    const exchange = this.#byRequest.get(request);
    if (exchange && socket) this.#bySocket.set(socket, exchange);
  }

  #answered(request: object, status: number | undefined, contentType: string | undefined): void {
    const exchange = this.#byRequest.get(request);
    if (!exchange) return;
    if (status !== undefined) exchange.status = status;
    if (contentType !== undefined) exchange.contentType = contentType;
  }

  #ended(request: object): void {
    const exchange = this.#byRequest.get(request);
    if (exchange) exchange.endedAt ??= this.now;
  }

  #cut(request: object): void {
    const exchange = this.#byRequest.get(request);
    if (exchange && exchange.endedAt === undefined) exchange.cut = true;
    this.#ended(request);
  }

  /**
   * Returns a function that ends the watch. It checks once more, because a block that lasted to the end kept the timer
   * from firing.
   */
  #watchLoop(): () => void {
    let last = performance.now();
    let used = process.cpuUsage();
    const look = () => {
      const now = performance.now();
      const ms = now - last - PULSE_MS;
      const { user, system } = process.cpuUsage(used);
      if (ms > STALL_MS) this.stalls.push({ at: last - this.#began, ms, busyMs: (user + system) / 1_000 });
      last = now;
      used = process.cpuUsage();
    };
    const pulse = setInterval(look, PULSE_MS);
    return () => {
      clearInterval(pulse);
      look();
    };
  }
}

function triggerOf(type: string): Trigger {
  if (type === "Timeout") return "timer";
  return NETWORK.test(type) ? "network" : "other";
}

function isYield(type: string, resource: object): boolean {
  return type === "Timeout" && ((resource as { _idleTimeout?: number })._idleTimeout ?? 0) <= YIELD_MS;
}

function headerOf(headers: readonly (Buffer | string)[], name: string): string | undefined {
  const at = headers.findIndex((header, index) => index % 2 === 0 && header.toString().toLowerCase() === name);
  return at < 0 ? undefined : headers[at + 1]?.toString();
}

/** LangChain keeps its config in one AsyncLocalStorage for all its copies in a process. */
function currentNode(): string | undefined {
  const storage = (globalThis as Record<symbol, unknown>)[Symbol.for("ls:tracing_async_local_storage")];
  const store: unknown = (storage as { getStore?: () => unknown } | undefined)?.getStore?.();
  const extra = isRecord(store) ? store.extra : undefined;
  const config = (extra as Record<symbol, unknown> | undefined)?.[Symbol.for("lc:child_config")];
  const metadata = isRecord(config) && isRecord(config.metadata) ? config.metadata : {};
  return nodePath({ metadata }).join("/") || undefined;
}
