/** Clients that send requests but do not read, or offer other protocols. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { WebSocket } from "ws";
import { rawSocket, rawWebSocket } from "../support/raw-socket.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

let sluice: TestSluice;
beforeAll(async () => {
  const model = new SteppedModel({ always: ["hi"] });
  sluice = await startSluice({ chat: { graph: chatGraph(model) } }, { SLOW_CONSUMER_SECONDS: "0.3" });
});
afterAll(() => sluice.close());

function masked(opcode: number, text: string): Buffer {
  const payload = Buffer.from(text);
  return Buffer.concat([Buffer.from([0x80 | opcode, 0x80 | payload.length, 0, 0, 0, 0]), payload]);
}

describe.each([
  ["commands", 1, "/help"],
  ["pings", 9, "p".repeat(100)],
  ["garbage", 1, "{ this is no JSON"],
])("a socket that floods with %s and reads nothing", (_, opcode, text) => {
  it("is not read from after some 256 KiB of answers, and cut when it never reads", async () => {
    const raw = await rawWebSocket(`${sluice.url}/ws`);
    raw.socket.pause();
    const flood = Buffer.concat(Array.from({ length: 1_000 }, () => masked(opcode, text)));
    let taken = 0;
    const most = 40_000_000;
    await new Promise<void>((resolve) => {
      raw.socket.once("close", () => resolve());
      const push = () => {
        while (taken < most && !raw.socket.destroyed) {
          taken += flood.length;
          if (!raw.socket.write(flood)) return void raw.socket.once("drain", push);
        }
        resolve();
      };
      push();
    });
    // The kernel takes a few megabytes on the way; the rest was never read.
    expect(raw.socket.destroyed).toBe(true);
    expect(taken - raw.socket.writableLength).toBeLessThan(most / 2);
  });
});

it("a socket that reads its answers late gets all of them, and its pings are answered", async () => {
  const client = new WebSocket(`${sluice.ws}/ws?thread=late`);
  await new Promise((resolve) => client.once("open", resolve));
  let answers = 0;
  let pongs = 0;
  client.on("message", () => {
    answers += 1;
  });
  client.on("pong", () => {
    pongs += 1;
  });
  for (let index = 0; index < 500; index += 1) client.send('{"type":"ping"}');
  client.ping();
  while (answers < 500 || pongs < 1) await new Promise((resolve) => setImmediate(resolve));
  client.terminate();
});

describe("an upgrade to another protocol", () => {
  const H2C =
    "Connection: Upgrade, HTTP2-Settings, close\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\n";

  it("is answered as a request without it, with a body too", async () => {
    const host = new URL(sluice.url).host;
    const get = await rawSocket(sluice.url);
    get.socket.write(`GET /agui/info HTTP/1.1\r\nHost: ${host}\r\n${H2C}\r\n`);
    expect(await get.closed).toMatch(/^HTTP\/1\.1 200 .*"agents"/s);
    const body = JSON.stringify({ message: "hi" });
    const post = await rawSocket(sluice.url);
    post.socket.write(
      `POST /chat HTTP/1.1\r\nHost: ${host}\r\n${H2C}Content-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`,
    );
    expect(await post.closed).toMatch(/^HTTP\/1\.1 200 .*"message":"hi"/s);
  });

  it("is left to an app that listens for it", async () => {
    const server = createServer((_request, response) => response.end("plain"));
    sluice.sockets.attach(server, "");
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    const asked = `GET /own HTTP/1.1\r\nHost: x\r\n${H2C}\r\n`;
    const before = await rawSocket(url);
    before.socket.write(asked);
    expect(await before.closed).toMatch(/^HTTP\/1\.1 200 .*plain$/s);
    server.on("upgrade", (_request, socket) => socket.end("HTTP/1.1 101 Mine\r\n\r\n"));
    const after = await rawSocket(url);
    after.socket.write(asked);
    expect(await after.closed).toMatch(/^HTTP\/1\.1 101 Mine/);
    await new Promise((resolve) => server.close(resolve));
  });
});
