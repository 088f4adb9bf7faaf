/** A WebSocket that keeps every frame in order, and its close code. */
import WebSocket from "ws";
import { Handshake } from "../doctor/socket.ts";
import type { Producer } from "./producer.ts";

export const SUBPROTOCOL = "sluice.v1";

export interface Inbox {
  readonly frames: readonly string[];
  readonly subprotocol: string;
  /** Resolves with the code when it is closed. */
  readonly closed: Promise<number>;
  send(value: object | string | Uint8Array): void;
  /** Resolves with the first frame, old or new, that passes. Rejects if the socket closes or the time is up first. */
  until(test: (frame: string) => boolean): Promise<string>;
  /** Closes the connection without a close frame. */
  cut(): void;
}

/** Opens a WebSocket of the server for as long as `use` takes. Rejects with `Handshake` when it is refused. */
export async function withInbox<T>(
  producer: Producer,
  subprotocol: string | undefined,
  use: (inbox: Inbox) => Promise<T>,
): Promise<T> {
  const { socket: url, headers, timeoutMs, agent } = producer;
  const address = new URL(url ?? "");
  if (agent !== undefined) address.searchParams.set("agent", agent);
  const protocols = subprotocol === undefined ? [] : [subprotocol];
  const socket = new WebSocket(address, protocols, { headers, perMessageDeflate: false, handshakeTimeout: timeoutMs });
  const frames: string[] = [];
  const looks = new Set<(closed?: string) => void>();
  const look = (closed?: string) => {
    for (const one of looks) one(closed);
  };
  socket.on("message", (data) => {
    frames.push(String(data));
    look();
  });
  const closed = new Promise<number>((resolve) => {
    socket.once("close", (code) => {
      look(`The socket was closed with ${code} after ${frames.length} frames.`);
      resolve(code);
    });
  });
  const until: Inbox["until"] = (test) =>
    new Promise((resolve, reject) => {
      let seen = 0;
      const done = (settle: () => void) => {
        clearTimeout(timer);
        looks.delete(one);
        settle();
      };
      const one = (why?: string) => {
        for (; seen < frames.length; seen += 1) {
          const frame = frames[seen] ?? "";
          if (test(frame)) return done(() => resolve(frame));
        }
        if (why !== undefined) done(() => reject(new Error(why)));
      };
      const late = () => done(() => reject(new Error(`No such frame came within ${timeoutMs / 1_000} s.`)));
      const timer = setTimeout(late, timeoutMs);
      looks.add(one);
      one(socket.readyState === WebSocket.CLOSED ? `The socket was closed after ${frames.length} frames.` : undefined);
    });
  await new Promise<void>((resolve, reject) => {
    socket.on("error", reject);
    socket.once("open", () => resolve());
    socket.once("unexpected-response", (request, { statusCode = 0, headers: { location } }) => {
      reject(new Handshake(statusCode, location));
      request.destroy();
    });
  });
  try {
    return await use({
      frames,
      subprotocol: socket.protocol,
      closed,
      until,
      send: (value) =>
        socket.send(typeof value === "string" || value instanceof Uint8Array ? value : JSON.stringify(value)),
      cut: () => socket.terminate(),
    });
  } finally {
    socket.terminate();
  }
}
