/** Attacks that are not tested in other files. After each attack, the server still serves other clients. */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createLogger } from "../../src/ops/logger.ts";
import { handshake, rawSocket } from "../support/raw-socket.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connect } from "../support/ws-client.ts";

const LINES = "one\u2028two\u2029three\r\nfour\rfive";
let sluice: TestSluice;
const stepped = new SteppedModel();
let logged = "";

beforeAll(async () => {
  const write = (line: string) => {
    logged += line;
  };
  sluice = await startSluice(
    {
      quick: { graph: chatGraph(new SteppedModel({ always: ["Hello"] })) },
      lines: { graph: chatGraph(new SteppedModel({ always: [LINES] })) },
      stepped: { graph: chatGraph(stepped) },
    },
    { LOG_LEVEL: "trace" },
    { logger: createLogger("trace", { write }) },
  );
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

it("a ticket or a token in an address is in no answer and in no log", async () => {
  const secret = "c2VjcmV0LW9mLXRoaXMtdGVzdA";
  const raw = await rawSocket(sluice.url);
  raw.socket.write(handshake(`${sluice.url}/ws?ticket=${secret}`));
  const refusal = await raw.closed;
  expect(refusal).toMatch(/^HTTP\/1\.1 401 /);
  expect(refusal).not.toContain(secret);
  for (const path of [`/threads?token=${secret}`, `/nowhere?ticket=${secret}`, `/agui/info?access_token=${secret}`]) {
    expect(await (await fetch(`${sluice.url}${path}`)).text()).not.toContain(secret);
  }
  const client = await connect(`${sluice.ws}/ws?token=${secret}`);
  client.send("hi");
  await client.until((frame) => frame.includes("RUN_FINISHED"));
  await client.close();
  expect(client.frames.join()).not.toContain(secret);
  while (!logged.includes("run ended")) await new Promise((resolve) => setImmediate(resolve));
  expect(logged).not.toContain(secret);
});

it("a hundred tabs that join a run at different times get the same entries, each once", async () => {
  const input = userInput("hi");
  const path = "/agui/agent/stepped/run";
  const tabs: Promise<string>[] = [];
  for (let index = 0; index < 100; index += 1) {
    const response = await posted(path, JSON.stringify(input));
    expect(response.status).toBe(200);
    tabs.push(response.text());
    stepped.say(`${index} `);
  }
  stepped.end();
  const [first = "", ...others] = await Promise.all(tabs);
  const expected = Array.from({ length: 100 }, (_, index) => `${index} `).join("");
  const all = [first, ...others].map((text) => eventsIn(text));
  // Pieces that waited for a reader may come as one, so the last positions and the texts are compared.
  for (const { text, ids } of all) {
    expect(text).toBe(expected);
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.at(-1)).toBe(all[0]?.ids.at(-1));
  }
});

it("a position that comes twice in the headers is refused, and starts nothing", async () => {
  const body = JSON.stringify(userInput("hi"));
  const raw = await rawSocket(sluice.url);
  const { host } = new URL(sluice.url);
  const head = [
    "POST /agui HTTP/1.1",
    `Host: ${host}`,
    "Connection: close",
    "Content-Type: application/json",
    `Content-Length: ${Buffer.byteLength(body)}`,
    "Last-Event-ID: aaaaaaaaaaaa:1",
    "Last-Event-ID: bbbbbbbbbbbb:2",
  ];
  raw.socket.write(`${head.join("\r\n")}\r\n\r\n${body}`);
  const answer = await raw.closed;
  expect(answer).toMatch(/^HTTP\/1\.1 400 /);
  expect(answer).toContain("Last-Event-ID");
});

function eventsIn(stream: string): { text: string; ids: string[] } {
  const ids = [...stream.matchAll(/^id: (.+)$/gm)].map(([, id = ""]) => id);
  const deltas = [...stream.matchAll(/^data: (.+)$/gm)].map(
    ([, json = ""]) => (JSON.parse(json) as { delta?: string }).delta,
  );
  return { text: deltas.join(""), ids };
}
