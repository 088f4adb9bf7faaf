/** Sluice's own frames against `ws`, which reads them as a client does. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { WebSocket, WebSocketServer } from "ws";
import { textFrame } from "../../src/server/ws-frame.ts";

it("is read by a client as the same text, at each length of the header and beside frames of `ws`", async () => {
  const host = new WebSocketServer({ port: 0, host: "127.0.0.1", perMessageDeflate: false });
  await once(host, "listening");
  const texts = [
    "",
    "a",
    ...[125, 126, 127, 65_535, 65_536, 200_000].map((length) => "y".repeat(length)),
    "é€😀\ud800",
  ];
  host.on("connection", (socket, { socket: stream }) => {
    for (const text of texts) {
      stream.write(textFrame(text));
      stream.write(textFrame(text));
      socket.send("by ws");
    }
    socket.close(1000);
  });
  const client = new WebSocket(`ws://127.0.0.1:${(host.address() as AddressInfo).port}`);
  const received: string[] = [];
  client.on("message", (data, isBinary) => received.push(isBinary ? "binary" : data.toString()));
  expect(await once(client, "close")).toEqual([1000, Buffer.alloc(0)]);
  host.close();
  expect(received).toEqual(texts.flatMap((text) => [text, text, "by ws"]).map((text) => text.toWellFormed()));
});
