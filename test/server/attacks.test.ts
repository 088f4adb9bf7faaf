/** Attacks that no other file makes. After each the server serves somebody else. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { handshake, rawSocket } from "../support/raw-socket.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";

const LINES = "one\u2028two\u2029three\r\nfour\rfive";
let sluice: TestSluice;

beforeAll(async () => {
  sluice = await startSluice({
    quick: { graph: chatGraph(new SteppedModel({ always: ["Hello"] })) },
    lines: { graph: chatGraph(new SteppedModel({ always: [LINES] })) },
  });
});
afterAll(() => sluice.close());
afterEach(async () => {
  await verifyRun(await (await postRun(sluice.url, userInput("Still there?"))).done);
});

function posted(path: string, body: string): Promise<Response> {
  return fetch(`${sluice.url}${path}`, { method: "POST", headers: { "content-type": "application/json" }, body });
}

describe("headers", () => {
  it("of 20 KB are refused", async () => {
    const raw = await rawSocket(sluice.url);
    raw.socket.write(handshake(`${sluice.url}/ws`, { "X-Long": "x".repeat(20_000) }));
    expect(await raw.closed).toMatch(/^HTTP\/1\.1 431 /);
  });

  it("in the thousands, before those of the handshake, crash nothing", async () => {
    const raw = await rawSocket(sluice.url);
    const many = Array.from({ length: 2_001 }, (_, index) => `${index.toString(36)}:`).join("\r\n");
    const [line, ...own] = handshake(`${sluice.url}/ws`).split("\r\n");
    raw.socket.write([line, many, ...own].join("\r\n"));
    expect(await raw.until((received) => received.includes("\r\n"))).toMatch(/^HTTP\/1\.1 (101|4\d\d) /);
    raw.socket.destroy();
  });
});

it("a foreign page is refused with a cookie as without, over WebSocket and over HTTP", async () => {
  const headers = { Origin: "https://evil.example", Cookie: "session=somebody" };
  const raw = await rawSocket(sluice.url);
  raw.socket.write(handshake(`${sluice.url}/ws`, headers));
  expect(await raw.closed).toMatch(/^HTTP\/1\.1 403 /);
  expect((await fetch(`${sluice.url}/threads`, { headers })).status).toBe(403);
});

describe("SQL in an id", () => {
  it.each(["'; DROP TABLE threads; --", "%", "_", "' OR '1'='1", "a\\'b", 'a"b', "{t}*[a-z]?"])(
    "%s is an id",
    async (id) => {
      const other = randomUUID();
      await (await posted("/chat", JSON.stringify({ message: "mine", threadId: other }))).text();
      await (await posted("/chat", JSON.stringify({ message: "hi", threadId: id }))).text();
      const messages = await (await fetch(`${sluice.url}/threads/${encodeURIComponent(id)}/messages`)).text();
      expect(messages).toContain('"hi"');
      expect(messages).not.toContain('"mine"');
      expect((await fetch(`${sluice.url}/threads/${encodeURIComponent(id)}`, { method: "DELETE" })).ok).toBe(true);
      expect(await (await fetch(`${sluice.url}/threads/${other}/messages`)).text()).toContain('"mine"');
    },
  );
});

it("a key that is there twice in JSON has one meaning: the last", async () => {
  const threadId = randomUUID();
  const body = `{"message":"first","message":"last","threadId":"other","threadId":"${threadId}"}`;
  await (await posted("/chat", body)).text();
  const messages = await (await fetch(`${sluice.url}/threads/${threadId}/messages`)).text();
  expect(messages).toContain('"last"');
  expect(messages).not.toContain('"first"');
});

it("line separators in what a model says end no event, and come as they were", async () => {
  const events = await (await postRun(sluice.url, userInput("hi"), "/agui/agent/lines/run")).done;
  await verifyRun(events);
  expect(events.map((event) => ("delta" in event ? event.delta : "")).join("")).toBe(LINES);
});
