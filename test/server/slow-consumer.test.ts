/** Slow readers: their waiting data is bounded, they do not delay others, and in the end they are cut. */
import { randomUUID } from "node:crypto";
import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { type Duplex, PassThrough } from "node:stream";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import { type WebSocket, WebSocketServer } from "ws";
import { silent } from "../../src/ops/logger.ts";
import { HIGH_WATER, type Unread } from "../../src/server/peer.ts";
import { SsePeer } from "../../src/server/sse-peer.ts";
import { WsPeer } from "../../src/server/ws-peer.ts";
import { rawSocket, rawWebSocket } from "../support/raw-socket.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { eventsOf } from "../support/sse-frames.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType, type WsClient } from "../support/ws-client.ts";

const KB = 1_024;
const MB = 1_024 * KB;
/** The content of one `send` of these tests. */
const BATCH = 64 * KB;
const batch = (number: number) => [`${number}:`.padEnd(BATCH / 2, "x"), `${number}'`.padEnd(BATCH / 2, "y")];

let cuts: Unread[] = [];
const slow = (unread: Unread) => void cuts.push(unread);

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  cuts = [];
  for (const close of closing.splice(0).reverse()) await close();
});

/** Waits until `look` returns true, and checks it after each turn of the event loop. */
async function until(look: () => boolean): Promise<void> {
  while (!look()) await new Promise((resolve) => setImmediate(resolve));
}

async function listening(server: Server): Promise<string> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  closing.push(
    () =>
      new Promise((resolve) => {
        server.close(resolve);
        server.closeAllConnections();
      }),
  );
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** The server's end of a real WebSocket, whose client does not read until the test lets it. */
async function stalledWebSocket() {
  const server = createServer();
  const url = await listening(server);
  const host = new WebSocketServer({ server });
  const opened = new Promise<{ socket: WebSocket; stream: Duplex }>((resolve) =>
    host.once("connection", (socket, { socket: stream }) => resolve({ socket, stream })),
  );
  const client = await connect(url.replace("http", "ws"));
  client.socket.pause();
  closing.push(async () => client.socket.terminate());
  return { ...(await opened), client };
}

describe("a WebSocket peer whose client does not read", () => {
  it("takes what the kernel takes and a little more, then says wait; and is cut when its time is up", async () => {
    const { socket, stream, client } = await stalledWebSocket();
    const peer = new WsPeer(socket, stream, 100, slow);
    let most = 0;
    let sent = 0;
    while (socket.readyState === socket.OPEN && sent < 320) {
      const ready = peer.send(batch(sent));
      most = Math.max(most, socket.bufferedAmount);
      await ready;
      sent += 1;
    }
    expect(most).toBeGreaterThan(HIGH_WATER.bytes);
    expect(most).toBeLessThan(HIGH_WATER.bytes + 2 * BATCH);
    // 320 batches are 20 MB. The client was cut long before that.
    expect(sent).toBeLessThan(320);
    client.socket.resume();
    expect(await client.closed).toMatchObject({ code: 1006 });
    expect(cuts).toEqual([{ frames: expect.any(Number), bytes: expect.any(Number) }]);
    expect(cuts[0]?.bytes).toBeGreaterThan(0);
    expect(client.frames.length).toBeLessThan(sent * 2);
  });

  it("goes on where it was when the client reads again: nothing is lost, doubled or out of order", async () => {
    const { socket, stream, client } = await stalledWebSocket();
    const peer = new WsPeer(socket, stream, 10_000, slow);
    let sent = 0;
    let most = 0;
    const feeding = (async () => {
      for (; sent < 320; sent += 1) {
        const ready = peer.send(batch(sent));
        most = Math.max(most, socket.bufferedAmount);
        await ready;
      }
    })();
    await until(() => socket.bufferedAmount > HIGH_WATER.bytes);
    expect(sent).toBeLessThan(320);
    client.socket.resume();
    await feeding;
    const frames = await client.until((frame) => frame.startsWith("319'"));
    expect(frames.map((frame) => frame.replace(/[xy]+$/, ""))).toEqual(
      Array.from({ length: 320 }, (_, number) => [`${number}:`, `${number}'`]).flat(),
    );
    expect(most).toBeLessThan(HIGH_WATER.bytes + 2 * BATCH);
    expect(cuts).toEqual([]);
  });

  it("bounds small frames by their number: closing over a hundred thousand of them blocks a process", async () => {
    const written: (() => void)[] = [];
    const socket = {
      OPEN: 1,
      readyState: 1,
      bufferedAmount: 0,
      once: () => {},
      on: () => {},
      terminate: () => {},
    } as unknown as WebSocket;
    const stream = {
      writableCorked: 1,
      write: (_frame: Buffer, done?: () => void) => written.push(done ?? (() => {})),
    } as unknown as Duplex;
    const peer = new WsPeer(socket, stream, 10_000, slow);
    let ready = true;
    for (let frame = 0; frame < HIGH_WATER.frames; frame += 1) await peer.send(["x"]);
    void peer.send(["x"]).then(() => {
      ready = true;
    });
    ready = false;
    for (const done of written.splice(0, HIGH_WATER.frames / 2)) done();
    await Promise.resolve();
    expect(ready).toBe(false);
    for (const done of written.splice(0)) done();
    await until(() => ready);
  });
});

describe("an SSE peer whose client does not read", () => {
  /** The server's end of a real response, whose client does not read until the test lets it. */
  async function stalledResponse() {
    let answer: (response: ServerResponse) => void;
    const opened = new Promise<ServerResponse>((resolve) => {
      answer = resolve;
    });
    const server = createServer((_request, response) => answer(response));
    const client = await rawSocket(await listening(server));
    client.socket.pause();
    client.socket.write("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    closing.push(async () => client.socket.destroy());
    return { response: await opened, client };
  }

  it("takes what the kernel takes and a little more, then says wait; and is cut when its time is up", async () => {
    const { response, client } = await stalledResponse();
    const peer = new SsePeer(response, { continues: false, ends: true, heartbeatMs: 5, drainMs: 100, slow });
    let most = 0;
    let sent = 0;
    while (!peer.closed.aborted && sent < 320) {
      const ready = peer.send(batch(sent));
      most = Math.max(most, response.writableLength);
      await ready;
      sent += 1;
    }
    expect(most).toBeLessThan(HIGH_WATER.bytes);
    expect(cuts).toEqual([{ frames: expect.any(Number), bytes: expect.any(Number) }]);
    expect(cuts[0]?.bytes).toBeGreaterThan(0);
    expect(sent).toBeLessThan(320);
    client.socket.resume();
    expect((await client.closed).length).toBeLessThan(20 * MB);
  });

  it("is cut too when so little waits that nobody was asked to wait", async () => {
    const { response, client } = await stalledResponse();
    const peer = new SsePeer(response, { continues: false, ends: true, heartbeatMs: 60_000, drainMs: 100, slow });
    const turn = () => new Promise((resolve) => setImmediate(resolve));
    const line = ["x".repeat(KB)];
    while (response.writableLength === 0) {
      void peer.send(line);
      await turn();
      await turn();
    }
    expect(response.writableNeedDrain).toBe(false);
    await until(() => peer.closed.aborted);
    expect(cuts).toEqual([{ frames: 1, bytes: expect.any(Number) }]);
    expect(cuts[0]?.bytes).toBeLessThan(4 * KB);
    client.socket.resume();
    await client.closed;
  });

  it("that does not read the end either is cut, and no keep-alive is written after the end", async () => {
    const { response, client } = await stalledResponse();
    const errors: unknown[] = [];
    response.on("error", (error) => errors.push(error));
    const peer = new SsePeer(response, { continues: false, ends: true, heartbeatMs: 5, drainMs: 100, slow });
    // More than the kernel takes: the last bytes of a run wait in the process when its end is written.
    response.write("x".repeat(20 * MB));
    peer.end();
    await until(() => peer.closed.aborted);
    expect(errors).toEqual([]);
    client.socket.resume();
    expect((await client.closed).length).toBeLessThan(20 * MB);
  });
});

describe("a reader that stops while a run says 20 MB", () => {
  const LOAD = 100 * KB;
  const LOADS = 200;
  const load = (number: number) => `${number} `.padEnd(LOAD, "z");

  /** Starts a server whose graph sends the poured data, and returns the server's end of every connection, in order. */
  async function serving(env: Record<string, string>) {
    const poured = new PassThrough({ objectMode: true });
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("pour", async (_, { writer }) => {
        for await (const value of poured) writer?.({ name: "load", value });
        return {};
      })
      .addEdge(START, "pour")
      .addEdge("pour", END)
      .compile({ checkpointer: memory() });
    const warned: object[] = [];
    const logger = { ...silent, warn: (fields: object, sentence: string) => void warned.push({ ...fields, sentence }) };
    const sluice = await startSluice({ pouring: { graph } }, env, { logger });
    closing.push(() => sluice.close());
    const connections: Socket[] = [];
    sluice.server.on("connection", (socket: Socket) => connections.push(socket));
    return { poured, sluice, connections, warned };
  }

  /** Pours it all, each load when `reader` has got the last. */
  async function pour(poured: PassThrough, reader: WsClient, heard: () => void = () => {}): Promise<string[]> {
    for (let number = 0; number < LOADS; number += 1) {
      poured.write(load(number));
      await reader.until((frame) => frame.includes(`"value":"${number} z`));
      heard();
    }
    poured.end();
    return reader.until(isType("RUN_FINISHED"));
  }

  async function expectEverything(frames: string[]): Promise<void> {
    const events = eventsOf(frames);
    await verifyRun(events);
    const values = events.flatMap((event) => (event.type === "CUSTOM" ? [event.value] : []));
    expect(values).toEqual(Array.from({ length: LOADS }, (_, number) => load(number)));
  }

  const openings = {
    WebSocket: async ({ url }: TestSluice, threadId: string) => rawWebSocket(`${url}/ws?thread=${threadId}`),
    SSE: async ({ url }: TestSluice, _: string, body: object) => {
      const json = JSON.stringify(body);
      const raw = await rawSocket(url);
      raw.socket.write(
        `POST /agui HTTP/1.1\r\nHost: ${new URL(url).host}\r\nContent-Type: application/json\r\n` +
          `Content-Length: ${Buffer.byteLength(json)}\r\n\r\n${json}`,
      );
      return raw;
    },
  };

  it.each(["WebSocket", "SSE"] as const)(
    "over %s is cut, while another on the same thread gets everything",
    async (transport) => {
      const { poured, sluice, connections, warned } = await serving({ SLOW_CONSUMER_SECONDS: "0.2" });
      const body = userInput("hi", { threadId: randomUUID() });
      const good = await connect(`${sluice.ws}/ws?thread=${body.threadId}`);
      closing.push(() => good.close());
      good.send(body);
      await good.until(isType("RUN_STARTED"));
      const stalled = await openings[transport](sluice, body.threadId, body);
      await stalled.until((received) => received.includes("RUN_STARTED"));
      stalled.socket.pause();
      const end = connections.at(-1) as Socket;
      const cut = new Promise((resolve) => end.once("close", resolve));
      let most = 0;
      const frames = await pour(poured, good, () => {
        most = Math.max(most, end.writableLength);
      });
      await expectEverything(frames);
      await cut;
      expect(most).toBeGreaterThan(0);
      expect(most).toBeLessThan(HIGH_WATER.bytes + 2 * LOAD);
      expect(warned).toEqual([
        {
          sentence: "a slow consumer was cut",
          transport: transport.toLowerCase(),
          frames: expect.any(Number),
          bytes: expect.any(Number),
        },
      ]);
      stalled.socket.resume();
      const received = await stalled.closed;
      expect(received).not.toContain("RUN_FINISHED");
      expect(received.length).toBeLessThan(LOAD * LOADS);
    },
  );

  it("and reads on in time is brought up to date a little at a time", async () => {
    const { poured, sluice, connections } = await serving({ LOG_MAX_BYTES: String(64 * MB) });
    const body = userInput("hi", { threadId: randomUUID() });
    const good = await connect(`${sluice.ws}/ws?thread=${body.threadId}`);
    closing.push(() => good.close());
    good.send(body);
    await good.until(isType("RUN_STARTED"));
    const slow = await connect(`${sluice.ws}/ws?thread=${body.threadId}`);
    closing.push(() => slow.close());
    await slow.until(isType("RUN_STARTED"));
    slow.socket.pause();
    const end = connections.at(-1) as Socket;
    await pour(poured, good);
    let most = 0;
    slow.socket.on("message", () => {
      most = Math.max(most, end.writableLength);
    });
    slow.socket.resume();
    await expectEverything(await slow.until(isType("RUN_FINISHED")));
    expect(most).toBeLessThan(MB);
  });
});
