/** Servers as other people write them, over real HTTP and WebSockets. cases.ts lists the fault of each. */
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { WebSocketServer } from "ws";
import { TEXT, WORDS } from "../model-endpoint.ts";

type Handler = (request: IncomingMessage, response: ServerResponse) => void | Promise<void>;

export interface Site {
  readonly url: string;
  close(): void;
}

async function listen(handler: Handler): Promise<Site & { readonly server: ReturnType<typeof createServer> }> {
  const server = createServer((incoming, response) => {
    incoming.resume();
    incoming.on("end", () => void handler(incoming, response));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, close, server };
}

const run = { threadId: "t", runId: "r" };
const START = { type: "RUN_STARTED", ...run };
const END = { type: "RUN_FINISHED", ...run };
const say = (delta: string) => ({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta });
const OPEN = [START, { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" }];
const CLOSE = [{ type: "TEXT_MESSAGE_END", messageId: "m" }, END];
const sent = (pieces: readonly string[]) => [...OPEN, ...pieces.map(say), ...CLOSE];
const frame = (event: object) => `data: ${JSON.stringify(event)}\n\n`;
const stamp = (event: object) => ({ ...event, timestamp: Date.now() });
const every = (text: string, length: number) => text.match(new RegExp(`.{1,${length}}`, "gs")) ?? [];

interface Manner {
  readonly pieces?: readonly string[];
  /** Milliseconds before the first piece. */
  readonly wait?: number;
  /** Milliseconds before each piece after it. */
  readonly gap?: (index: number) => number;
  readonly stamps?: boolean;
  readonly headers?: Record<string, string>;
  readonly write?: (event: object) => string;
}

/** Sends its answer as it comes. */
const streaming = ({ pieces = WORDS, wait = 20, gap = () => 15, stamps, headers, write = frame }: Manner = {}) =>
  listen(async (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", ...headers });
    const send = (event: object) => response.write(write(stamps ? stamp(event) : event));
    OPEN.forEach(send);
    await delay(wait);
    for (const [index, piece] of pieces.entries()) {
      if (index > 0) await delay(gap(index));
      send(say(piece));
    }
    CLOSE.forEach(send);
    response.end();
  });

/** Makes the same events over time, but sends them at intervals or at the end. */
const holding = (everyMs: number | undefined, stamps: boolean, headers: Record<string, string> = {}) =>
  listen(async (_, response) => {
    response.writeHead(200, { "content-type": "text/event-stream", ...headers });
    let held = "";
    const timer =
      everyMs === undefined
        ? undefined
        : setInterval(() => {
            if (held) response.write(held);
            held = "";
          }, everyMs);
    for (const event of sent(WORDS)) {
      held += frame(stamps ? stamp(event) : event);
      await delay(60 + 5 * (held.length % 3));
    }
    clearInterval(timer);
    response.end(held);
  });

/** Starts a proxy for another site's answers. */
async function inFront(site: Promise<Site>, handOver: (answer: IncomingMessage, response: ServerResponse) => void) {
  const behind = await site;
  const { hostname, port } = new URL(behind.url);
  const own = await listen((_, response) => {
    request({ hostname, port, method: "POST", path: "/", headers: { "content-type": "application/json" } }, (answer) =>
      handOver(answer, response),
    ).end("{}");
  });
  return {
    url: own.url,
    close() {
      own.close();
      behind.close();
    },
  };
}

const plain = (status: number, type: string, body: string, headers: Record<string, string> = {}) =>
  listen((_, response) => void response.writeHead(status, { "content-type": type, ...headers }).end(body));

/** Irregular, as models are; the same each time. */
const uneven = (index: number) => [4, 31, 9, 55, 17, 2, 40][index % 7] as number;

export const SITES = {
  even: () => streaming({ stamps: true }),
  uneven: () => streaming({ gap: uneven }),
  quick: () => streaming({ gap: () => 2, stamps: true }),
  "slow to begin": () => streaming({ wait: 1_500, gap: uneven, stamps: true }),
  "named events": () =>
    streaming({
      gap: uneven,
      write: (event) => `: ping\n\nevent: message\n${frame(event)}`,
      headers: { via: "1.1 edge" },
    }),
  "clean mock": () => streaming({ wait: 700, gap: () => 25 }),
  "long pieces": () => streaming({ pieces: every(TEXT, 37), gap: uneven }),
  socket: async () => {
    const site = await listen((_, response) => void response.writeHead(426).end());
    const sockets = new WebSocketServer({ server: site.server });
    sockets.on("connection", (socket) => {
      socket.once("message", async () => {
        for (const event of sent(WORDS)) {
          socket.send(JSON.stringify(event));
          await delay(15);
        }
        socket.close(1000);
      });
    });
    return { ...site, url: site.url.replace("http", "ws") };
  },
  typewriter: () => streaming({ pieces: every(TEXT, 1), wait: 900, gap: () => 10 }),
  whole: () => streaming({ pieces: [TEXT], wait: 500 }),
  snapshots: () =>
    listen(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.write(frame(START));
      for (const length of [40, 90, 140, TEXT.length]) {
        await delay(80);
        const messages = [{ id: "m", role: "assistant", content: TEXT.slice(0, length) }];
        response.write(frame({ type: "MESSAGES_SNAPSHOT", messages }));
      }
      response.end(frame(END));
    }),
  collects: () => holding(undefined, true),
  "collects unstamped": () => holding(undefined, false),
  "lets go every second": () => holding(1_000, true),
  "collecting proxy": () =>
    inFront(streaming({ stamps: true, gap: () => 40 }), async (answer, response) => {
      const parts: Buffer[] = [];
      for await (const part of answer) parts.push(part as Buffer);
      response.writeHead(200, { "content-type": "text/event-stream", via: "1.1 proxy" }).end(Buffer.concat(parts));
    }),
  compressed: () =>
    inFront(streaming({ stamps: true, gap: () => 40 }), (answer, response) => {
      response.writeHead(200, { "content-type": "text/event-stream", "content-encoding": "gzip" });
      answer.pipe(createGzip()).pipe(response);
    }),
  "json at the end": () => plain(200, "application/json", JSON.stringify({ reply: TEXT })),
  "live but called json": () => streaming({ headers: { "content-type": "application/json" }, gap: uneven }),
  "lines of json": () =>
    streaming({
      headers: { "content-type": "application/x-ndjson" },
      gap: uneven,
      write: (event) => `${JSON.stringify(event)}\n`,
    }),
  "sign in": () => plain(401, "application/json", '{"error":"unauthorized"}'),
  "not there": () => plain(404, "text/html", "<h1>Not Found</h1>"),
  page: () => plain(200, "text/html", "<!doctype html><title>App</title>"),
  moved: () => plain(308, "text/plain", "", { location: "/elsewhere/" }),
  fails: () =>
    listen((_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(frame(START) + frame({ type: "RUN_ERROR", message: "no credit left" }));
    }),
  cut: () =>
    listen(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const event of sent(WORDS).slice(0, 12)) {
        response.write(frame(event));
        await delay(15);
      }
      response.destroy();
    }),
  brief: () => streaming({ pieces: ["Hello."] }),
  mute: () =>
    listen(
      (_, response) =>
        void response.writeHead(200, { "content-type": "text/event-stream" }).end(frame(START) + frame(END)),
    ),
  "another protocol": () =>
    listen(async (_, response) => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      for (const content of WORDS) {
        response.write(frame({ object: "chat.completion.chunk", choices: [{ delta: { content } }] }));
        await delay(10);
      }
      response.end("data: [DONE]\n\n");
    }),
} satisfies Record<string, () => Promise<Site>>;
