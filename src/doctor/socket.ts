/** What a Sluice's WebSocket is asked: the run itself, or what was refused in one. */
import { WebSocket } from "ws";
import { type AguiEvent, type RunAgentInput, SluiceConnection } from "../client/connection.ts";
import { isTerminal } from "../protocol/events.ts";

/** How long opening may take. A proxy that passes no sockets may not even say so. */
const OPEN_MS = 3_000;

export interface Socket {
  /** Starts a run and hands over its events, until its terminal one. */
  run(input: RunAgentInput, agent: string | undefined, each: (event: AguiEvent) => void): Promise<void>;
  /** How many graph events the allow-list refused in the thread's last run, by name. */
  refused(threadId: string): Promise<Readonly<Record<string, number>>>;
}

/** Opens a socket for as long as `use` needs it. Rejects when there is none, when it is cut, or when `signal` aborts. */
export async function withSocket<T>(url: string, signal: AbortSignal, use: (socket: Socket) => Promise<T>): Promise<T> {
  let fail: (reason: unknown) => void = () => {};
  const lost = new Promise<never>((_, reject) => {
    fail = reject;
  });
  const connection = new SluiceConnection({
    url,
    WebSocket,
    openMs: OPEN_MS,
    // The first trouble is the finding: nobody waits for a line that comes back.
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
    lost.catch(() => {}); // Closing it is no trouble any more.
    connection.close();
  }
}
