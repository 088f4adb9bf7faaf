/** A hostile client in its own process. It repeats one action as often as the server allows, from one address. */
import { randomUUID } from "node:crypto";
import { setMaxListeners } from "node:events";
import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { setPriority } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { answer } from "../bench/child.ts";

export const KINDS = ["handshakes", "pings", "small messages", "bodies"] as const;
export type Kind = (typeof KINDS)[number];

export interface Flood {
  readonly url: string;
  readonly kind: Kind;
  readonly seconds: number;
  /** The flooder's address, sent as a proxy would. Limits do not count this machine's own address. */
  readonly address: string;
}

export interface Flooded {
  /** The number of actions. */
  readonly done: number;
  /** How often the server refused the action or closed its socket. */
  readonly refused: number;
}

/** The number of simultaneous lines. */
const LINES = 20;

/** The number of small frames per write. */
const BATCH = 100;

/** Does the action on one line, and returns the counts. The signal aborts when the flood is over. */
type Once = (url: URL, address: string, over: AbortSignal) => Promise<Flooded>;

const FLOODS: Readonly<Record<Kind, Once>> = {
  handshakes: async (url, address) => {
    const { socket, status } = await upgrade(url, address);
    socket.destroy();
    return { done: 1, refused: status === 101 ? 0 : 1 };
  },
  pings: (url, address) => frames(url, address, 0x9, "ping"),
  "small messages": (url, address) => frames(url, address, 0x1, '{"type":"ping"}'),
  bodies: async (url, address, over) => {
    const status = await post(url, address, over);
    return { done: 1, refused: status === 429 || status === 503 ? 1 : 0 };
  },
};

async function flood({ url, kind, seconds, address }: Flood): Promise<Flooded> {
  const over = AbortSignal.timeout(seconds * 1_000);
  setMaxListeners(0, over); // Each line adds one.
  const total = { done: 0, refused: 0 };
  const target = new URL(url);
  await Promise.all(
    Array.from({ length: LINES }, async () => {
      while (!over.aborted) {
        // The server may cut the flooder's line, or let it wait until the flood is over.
        const lost = () => ({ done: 0, refused: over.aborted ? 0 : 1 });
        const { done, refused } = await FLOODS[kind](target, address, over).catch(lost);
        total.done += done;
        total.refused += refused;
        await delay(1);
      }
    }),
  );
  return total;
}

async function upgrade({ hostname, port, host }: URL, address: string): Promise<{ socket: Socket; status: number }> {
  const socket = connect(Number(port), hostname);
  const head = [
    "GET /ws HTTP/1.1",
    `Host: ${host}`,
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    `X-Forwarded-For: ${address}`,
  ];
  socket.write(`${head.join("\r\n")}\r\n\r\n`);
  const line = await new Promise<string>((resolve, reject) => {
    socket.once("data", (bytes) => resolve(bytes.toString("latin1", 0, 12)));
    socket.once("error", reject);
    socket.once("close", () => reject(new Error("closed")));
  });
  socket.on("error", () => {});
  return { socket, status: Number(line.slice(9)) };
}

/** Opens a socket that writes one small frame again and again, for a second or until it is cut. */
async function frames(url: URL, address: string, opcode: number, text: string): Promise<Flooded> {
  const { socket, status } = await upgrade(url, address);
  if (status !== 101) {
    socket.destroy();
    return { done: 0, refused: 1 };
  }
  const payload = Buffer.from(text);
  const frame = Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
  const batch = Buffer.concat(Array.from({ length: BATCH }, () => frame));
  const until = performance.now() + 1_000;
  let done = 0;
  let cut = false;
  socket.resume().once("close", () => {
    cut = true;
  });
  while (!cut && performance.now() < until) {
    done += BATCH;
    if (socket.write(batch)) await delay(1);
    else await Promise.race([new Promise((resolve) => socket.once("drain", resolve)), delay(100)]);
  }
  socket.destroy();
  return { done, refused: cut ? 1 : 0 };
}

const BODY = JSON.stringify({
  threadId: "flood",
  runId: "flood",
  messages: Array.from({ length: 900 }, () => ({ id: randomUUID(), role: "user", content: "x".repeat(1_000) })),
});

function post({ hostname, port }: URL, address: string, signal: AbortSignal): Promise<number> {
  const headers = {
    "Content-Type": "application/json",
    "Content-Length": Buffer.byteLength(BODY),
    "X-Forwarded-For": address,
  };
  return new Promise((resolve, reject) => {
    const asked = request({ hostname, port, method: "POST", path: "/agui", headers, signal }, (response) => {
      response.resume().once("close", () => resolve(response.statusCode ?? 0));
      response.once("error", reject);
    });
    asked.once("error", reject);
    asked.end(BODY);
  });
}

// In reality the flooder is another machine. Here it must not take CPU time from the server or a healthy client.
setPriority(19);

answer({ flood });
