/** Asks a WebSocket for a run, and a Sluice's WebSocket for what was refused in a run. */
import { WebSocket } from "ws";
import { type AguiEvent, type RunAgentInput, SluiceConnection } from "../client/connection.ts";
import { isTerminal } from "../protocol/events.ts";

/** Milliseconds that opening may take. A proxy that passes no WebSockets may not answer at all. */
const OPEN_MS = 3_000;

export interface Socket {
  /** Starts a run and passes on its events up to the terminal event. */
  run(input: RunAgentInput, agent: string | undefined, each: (event: AguiEvent) => void): Promise<void>;
  /** The number of graph events that the allow-list refused in the thread's last run, by name. */
  refused(threadId: string): Promise<Readonly<Record<string, number>>>;
}

export interface SocketAddress {
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
}

/** A server that would not open a WebSocket. */
export class Handshake extends Error {
  readonly status: number;
  readonly location: string | undefined;

  constructor(status: number, location: string | undefined) {
    super(`The server answered the WebSocket's handshake with ${status}.`);
    this.status = status;
    this.location = location;
  }
}

/** Milliseconds of silence after which a WebSocket that is no Sluice's is closed. */
const SILENT_MS = 10_000;

/**
 * Starts a run on a WebSocket of another server, in the usual way for AG-UI: the run's input as one text frame.
 * Resolves when the run or the connection ends, or when no frame comes. Rejects when the socket cannot be opened.
 */
export function askForeign(
  { url, headers }: SocketAddress,
  input: RunAgentInput,
  signal: AbortSignal,
  each: (frame: string) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = new WebSocket(url, { headers, handshakeTimeout: OPEN_MS });
    const silence = setTimeout(() => socket.close(), SILENT_MS);
    const abort = () => {
      reject(signal.reason as Error);
      socket.terminate();
    };
    signal.addEventListener("abort", abort, { once: true });
    socket.on("unexpected-response", (request, { statusCode = 0, headers: { location } }) => {
      reject(new Handshake(statusCode, location));
      request.destroy();
    });
    socket.on("open", () => socket.send(JSON.stringify(input)));
    socket.on("message", (data) => {
      silence.refresh();
      if (each(String(data))) socket.close();
    });
    socket.on("error", reject);
    socket.on("close", () => {
      clearTimeout(silence);
      signal.removeEventListener("abort", abort);
      resolve();
    });
  });
}

/** Opens a socket for as long as `use` needs it. Rejects when there is none, when it is cut, or when `signal` aborts. */
export async function withSocket<T>(
  { url, headers }: SocketAddress,
  signal: AbortSignal,
  use: (socket: Socket) => Promise<T>,
): Promise<T> {
  let fail: (reason: unknown) => void = () => {};
  const lost = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const connection = new SluiceConnection({
    url,
    WebSocket: class extends WebSocket {
      constructor(address: string, subprotocol: string) {
        super(address, subprotocol, { headers });
      }
    },
    openMs: OPEN_MS,
    // The first failure is the finding. The doctor does not wait for a reconnect.
    onState: ({ status }) => {
      if (status === "waiting" || status === "closed")
        fail(new Error("The WebSocket could not be opened, or was cut."));
    },
  });
  const abort = () => fail(signal.reason);
  signal.addEventListener("abort", abort, { once: true });
  const socket: Socket = {
    run: (input, agent, each) =>
      new Promise((resolve, reject) => {
        connection.run(input, {
          ...(agent === undefined ? {} : { agent }),
          onEvent: (event) => {
            each(event);
            if (isTerminal(event.type)) resolve();
          },
          onError: reject,
        });
      }),
    refused: (threadId) => connection.stats(threadId),
  };
  try {
    return await Promise.race([use(socket), lost]);
  } finally {
    signal.removeEventListener("abort", abort);
    lost.catch(() => {}); // From now on, a closed connection is no error.
    connection.close();
  }
}
