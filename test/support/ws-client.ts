/** A WebSocket client that keeps all frames, so that a test can wait for earlier ones. */
import WebSocket from "ws";

export interface WsClient {
  readonly socket: WebSocket;
  /** Every frame so far. */
  readonly frames: string[];
  send(message: string | object): void;
  /**
   * Resolves with all frames so far when one of them passes the test, including earlier frames. Rejects if the socket
   * closes first.
   */
  until(test: (frame: string) => boolean): Promise<string[]>;
  closed: Promise<{ code: number; reason: string }>;
  close(): Promise<void>;
}

export async function connect(
  url: string,
  options: WebSocket.ClientOptions = {},
  protocols: string[] = [],
): Promise<WsClient> {
  const socket = new WebSocket(url, protocols, options);
  const frames: string[] = [];
  const waiting = new Set<() => void>();
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on("close", (code, reason) => resolve({ code, reason: reason.toString() }));
  });
  socket.on("message", (data) => {
    frames.push(data.toString());
    for (const look of waiting) look();
  });
  await new Promise<void>((resolve, reject) => {
    socket.once("open", () => resolve());
    socket.once("error", reject);
  });
  socket.on("error", () => {});
  return {
    socket,
    frames,
    closed,
    send: (message) => socket.send(typeof message === "string" ? message : JSON.stringify(message)),
    until: (test) =>
      new Promise((resolve, reject) => {
        let seen = 0;
        const look = () => {
          for (; seen < frames.length; seen += 1) {
            if (!test(frames[seen] as string)) continue;
            waiting.delete(look);
            resolve([...frames]);
            return;
          }
        };
        waiting.add(look);
        void closed.then(({ code, reason }) => {
          look();
          if (waiting.delete(look)) reject(new Error(`closed ${code} ${reason} after ${frames.length} frames`));
        });
        look();
      }),
    close: async () => {
      socket.close();
      await closed;
    },
  };
}

export const isType =
  (...types: string[]) =>
  (frame: string): boolean =>
    types.includes((JSON.parse(frame) as { type: string }).type);
