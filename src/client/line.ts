/** Keeps a socket to one server: opens it, notices when it is dead, and opens the next one. */
import { type ErrorCode, finalClose, finalStatus } from "../protocol/errors.ts";
import type { ServerFrame } from "../protocol/frames.ts";
import { SUBPROTOCOL } from "../protocol/subprotocol.ts";
import { type Backoff, pauseMs } from "./backoff.ts";
import { ConnectionError } from "./connection-error.ts";
import { ShortTopics } from "./short-topics.ts";
import type { EventFrame } from "./subscription.ts";

/** The part of a WebSocket that is used: a browser's, Node's, or that of `ws`. */
export interface WebSocketLike {
  onmessage: unknown;
  onclose: unknown;
  onerror: unknown;
  /** Sends a message of text. */
  send(text: string): void;
  /** Closes the socket. */
  close(code?: number, reason?: string): void;
  /** Closes without waiting for an answer. Only sockets of `ws` have it. */
  terminate?(): void;
}

/** A class of WebSockets: a browser's, Node's, or that of `ws`. */
export type WebSocketConstructor = new (url: string, protocol: string) => WebSocketLike;

/** The state of a connection. */
export type ConnectionState =
  /** No request was made yet. */
  | { readonly status: "idle" }
  /** `attempt` counts from 1 since the connection last received a frame while it was open. */
  | { readonly status: "connecting"; readonly attempt: number }
  | { readonly status: "open" }
  /** `retryAt`: when the next attempt begins, as `Date.now()` counts. */
  | {
      readonly status: "waiting";
      readonly attempt: number;
      readonly retryAt: number;
      readonly error: ConnectionError;
    }
  /** Closed for good. `error` is the reason, unless this side closed. */
  | { readonly status: "closed"; readonly error?: ConnectionError };

export interface LineOptions {
  /** The server's address, like `wss://host/ws?agent=assistant`. `http` and `https` are understood too. */
  readonly url: string | URL;
  /** Default: the runtime's own. Node 20 has none: pass the class of `ws`. */
  readonly WebSocket?: WebSocketConstructor;
  /**
   * Returns an API key or a token. It is called for each socket, and again when the server reports that the token
   * expires soon. Then `expiring` is `true`, and a new token is needed. The token is sent in a frame, not in the URL.
   * Default: no sign-in.
   */
  readonly token?: (expiring: boolean) => string | Promise<string>;
  readonly backoff?: Backoff;
  /** The milliseconds that opening may take. Default 10 000. */
  readonly openMs?: number;
}

export type Hello = ServerFrame & { type: "hello" };

export interface LineEvents {
  /** The server has sent `hello`, and the sign-in, if any, is done. */
  opened(hello: Hello): void;
  /** `text`: the frame as it was received. `frame` is never a short frame: it was expanded. */
  frame(frame: ServerFrame | EventFrame, text: string): void;
  /** The socket is gone, and another will be opened. `code`: how it closed. */
  lost(code: number): void;
  changed(state: ConnectionState): void;
}

/** A server that is silent for this many heartbeats is gone: one may be late, two in a row are not. */
const PATIENCE = 2.3;

/** The id of `auth` frames. */
const SIGN_IN = "sign-in";

/** The code of a socket that closed without one. */
const ABNORMAL = 1006;

/** The error of a handshake that will always be refused, if the status is known: `ws` reports it, browsers do not. */
function refusal(said: string): ErrorCode | undefined {
  return finalStatus(Number(/^Unexpected server response: (\d+)$/.exec(said)?.[1]));
}

export class Line {
  readonly #options: LineOptions;
  readonly #events: LineEvents;
  readonly #url: string;
  readonly #WebSocket: WebSocketConstructor;
  #socket: WebSocketLike | undefined;
  /** The `hello` of a socket that signs in and is not open yet. */
  #hello: Hello | undefined;
  /** The topic numbers of this socket. Each socket has its own. */
  #short = new ShortTopics();
  #state: ConnectionState = { status: "idle" };
  #failures = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #heardAt = 0;
  /** The milliseconds of silence after which the server counts as gone. */
  #patienceMs = 0;
  /** The pause that the server asked for when it said that it drains, in milliseconds. */
  #askedMs: number | undefined;

  constructor(options: LineOptions, events: LineEvents) {
    const own = (globalThis as { WebSocket?: WebSocketConstructor }).WebSocket;
    const WebSocket = options.WebSocket ?? own;
    if (!WebSocket) throw new TypeError("This runtime has no WebSocket. Pass one, such as that of the package ws.");
    this.#WebSocket = WebSocket;
    this.#url = String(options.url).replace(/^http/, "ws");
    this.#options = options;
    this.#events = events;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** Connects if the line is idle. */
  open(): void {
    if (this.#state.status === "idle") this.#connect();
  }

  /** Ends a pause between two attempts. */
  retryNow(): void {
    if (this.#state.status === "waiting") this.#connect();
  }

  /** Sends a text if the connection is open. */
  send(text: string): void {
    if (this.#state.status === "open") this.#socket?.send(text);
  }

  /** Closes for good. */
  close(error?: ConnectionError): void {
    if (this.#state.status === "closed") return;
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    socket?.close(1000);
    this.#change(error ? { status: "closed", error } : { status: "closed" });
  }

  #connect(): void {
    clearTimeout(this.#timer);
    this.#change({ status: "connecting", attempt: this.#failures + 1 });
    let socket: WebSocketLike;
    try {
      socket = new this.#WebSocket(this.#url, SUBPROTOCOL);
    } catch (thrown) {
      this.close(new ConnectionError("bad_request", String(thrown)));
      return;
    }
    this.#socket = socket;
    let said = "";
    socket.onmessage = ({ data }: { data: unknown }) => {
      if (this.#socket === socket) this.#hear(String(data));
    };
    // This listener stays: without one, ws throws the error.
    socket.onerror = ({ message }: { message?: string }) => {
      said = message ?? "";
    };
    socket.onclose = ({ code, reason }: { code: number; reason: string }) => {
      if (this.#socket === socket) this.#lost(code, reason || said, refusal(said));
    };
    this.#listen(this.#options.openMs ?? 10_000);
  }

  #hear(text: string): void {
    this.#heardAt = performance.now();
    const frame = this.#short.whole(JSON.parse(text) as object);
    if (!frame) return;
    if (this.#state.status === "open") {
      this.#failures = 0;
      if (frame.type === "draining") this.#askedMs = frame.reconnectAfterMs;
      if (frame.type === "token_expiring") this.#signIn(true);
      this.#events.frame(frame, text);
    } else if (frame.type === "hello") {
      const hello = frame;
      this.#askedMs = undefined;
      this.#listen(hello.heartbeatSeconds * 1_000 * PATIENCE);
      this.#hello = hello;
      if (this.#options.token) this.#signIn(false);
      else this.#opened(hello);
    } else if ((frame as { id?: string }).id === SIGN_IN && this.#hello) {
      const { code, message } = frame as ServerFrame & { type: "error" };
      if (frame.type === "ack") this.#opened(this.#hello);
      else this.close(new ConnectionError(code, message));
    }
  }

  #opened(hello: Hello): void {
    this.#hello = undefined;
    this.#short = new ShortTopics();
    this.#change({ status: "open" });
    this.#events.opened(hello);
  }

  /** Sends the server a token. A socket that is open already sends a newer one. */
  #signIn(expiring: boolean): void {
    const socket = this.#socket;
    const send = (token: string) => {
      if (this.#socket === socket) socket?.send(JSON.stringify({ type: "auth", id: SIGN_IN, token }));
    };
    Promise.resolve(this.#options.token?.(expiring)).then(
      (token) => token !== undefined && send(token),
      (thrown: unknown) => this.#socket === socket && this.close(new ConnectionError("unauthorized", String(thrown))),
    );
  }

  /**
   * Gives up the socket when it is silent for `patienceMs`. It compares the time of the last frame, because a new timer
   * for each frame would be expensive.
   */
  #listen(patienceMs: number): void {
    clearTimeout(this.#timer);
    this.#heardAt = performance.now();
    this.#patienceMs = patienceMs;
    const look = () => {
      const left = this.#heardAt + this.#patienceMs - performance.now();
      if (left > 0) this.#timer = setTimeout(look, left);
      else this.#lost(ABNORMAL, "The server is silent.");
    };
    this.#timer = setTimeout(look, patienceMs);
  }

  #lost(code: number, reason: string, final: ErrorCode | undefined = finalClose(code)): void {
    clearTimeout(this.#timer);
    const socket = this.#socket;
    this.#socket = undefined;
    // `close` would wait for an answer that never comes from a dead server.
    if (socket?.terminate) socket.terminate();
    else socket?.close();
    if (final) {
      this.close(new ConnectionError(final, reason || `The server closed with ${code}.`));
      return;
    }
    this.#events.lost(code);
    const { backoff = {} } = this.#options;
    const pause = pauseMs(this.#failures, code, this.#askedMs, backoff);
    this.#askedMs = undefined;
    this.#failures += 1;
    const error = new ConnectionError("unreachable", reason || `The socket closed with ${code}.`, { retryable: true });
    if (this.#failures >= (backoff.attempts ?? Number.POSITIVE_INFINITY)) {
      this.close(error);
      return;
    }
    this.#timer = setTimeout(() => this.#connect(), pause);
    this.#change({ status: "waiting", attempt: this.#failures, retryAt: Date.now() + pause, error });
  }

  #change(state: ConnectionState): void {
    this.#state = state;
    this.#events.changed(state);
  }
}
