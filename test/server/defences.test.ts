/**
 * A server on an open port gets broken frames, unknown clients and floods. It answers, and continues to serve others.
 */
import { randomUUID } from "node:crypto";
import type { Socket } from "node:net";
import { tool } from "@langchain/core/tools";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from "vitest";
import { z } from "zod";
import { EventType } from "../../src/protocol/events.ts";
import { clientFrame, handshake, rawSocket, rawWebSocket, refusal } from "../support/raw-socket.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, hasType, openSse } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType } from "../support/ws-client.ts";

const TEXT = 1;
const BINARY = 2;
const CLOSE = 8;
const PING = 9;
const ended = isType("RUN_FINISHED", "RUN_ERROR");

let model: SteppedModel;
let sluice: TestSluice;
/** Further servers, with settings of their own. */
const others: TestSluice[] = [];

const agents = () => ({
  quick: { graph: chatGraph(new SteppedModel({ always: ["Hello"] })) },
  stepped: { graph: chatGraph(model) },
});

beforeEach(async () => {
  model = new SteppedModel();
  sluice = await startSluice(agents());
});
afterEach(async () => {
  await Promise.all([sluice, ...others.splice(0)].map((server) => server.close()));
});

async function server(env: Record<string, string>): Promise<TestSluice> {
  const started = await startSluice(agents(), env);
  others.push(started);
  return started;
}

/** Checks that the server still serves a whole run to another client. */
async function expectServing({ ws }: TestSluice = sluice): Promise<void> {
  const client = await connect(`${ws}/ws`);
  client.send("Still there?");
  await verifyRun(eventsOf(await client.until(ended)));
  await client.close();
}

/** The code in the first close frame of what a server sent after its handshake. */
function closeCode(received: string): number | undefined {
  const bytes = Buffer.from(received.slice(received.indexOf("\r\n\r\n") + 4), "latin1");
  const at = bytes.indexOf(0x80 | CLOSE);
  return at >= 0 && bytes.length >= at + 4 ? bytes.readUInt16BE(at + 2) : undefined;
}

describe("what is no message", () => {
  it.each([
    ["a binary frame", clientFrame(BINARY, Buffer.from("hi")), 1003],
    ["text that is not UTF-8", clientFrame(TEXT, Buffer.from([0xff, 0xfe])), 1007],
    ["reserved bits", Buffer.concat([Buffer.from([0xf1]), clientFrame(TEXT).subarray(1)]), 1002],
    ["an opcode that does not exist", clientFrame(3), 1002],
    [
      "a text inside a message of several frames",
      Buffer.concat([clientFrame(TEXT, Buffer.from("a"), { fin: false }), clientFrame(TEXT, Buffer.from("b"))]),
      1002,
    ],
    ["a frame without a mask", Buffer.from([0x81, 2, 0x68, 0x69]), 1002],
    [
      "a frame that says it has 2^63 bytes",
      Buffer.from([0x81, 0xff, 0x7f, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0, 0, 0]),
      1009,
    ],
    [
      "a message of more frames than any has",
      Buffer.concat([
        clientFrame(TEXT, undefined, { fin: false }),
        ...Array.from({ length: 20_000 }, () => clientFrame(0, undefined, { fin: false })),
      ]),
      1008,
    ],
  ])("%s closes its socket with the right code, and only its socket", async (_, frame, code) => {
    const raw = await rawWebSocket(`${sluice.url}/ws`);
    raw.socket.write(frame);
    expect(closeCode(await raw.until((received) => closeCode(received) !== undefined))).toBe(code);
    raw.socket.destroy();
    await expectServing();
  });

  it("a character may be spread over frames", async () => {
    const raw = await rawWebSocket(`${sluice.url}/ws?format=text`);
    const [first, second] = [Buffer.from("☔").subarray(0, 1), Buffer.from("☔").subarray(1)];
    raw.socket.write(Buffer.concat([clientFrame(TEXT, first, { fin: false }), clientFrame(0, second)]));
    await raw.until((received) => received.includes("Hello"));
    raw.socket.destroy();
  });

  it("a message over MAX_BODY_BYTES closes with 1009; one of just that size is served", async () => {
    const small = await server({ MAX_BODY_BYTES: "1024" });
    const client = await connect(`${small.ws}/ws`);
    client.send("x".repeat(1_024));
    await verifyRun(eventsOf(await client.until(ended)));
    client.send("x".repeat(1_025));
    expect(await client.closed).toMatchObject({ code: 1009 });
    await expectServing(small);
  });

  it.each(["null", "[1,2]", "17", '"hi"'])("%s is a line like any other: only { begins a command", async (line) => {
    const client = await connect(`${sluice.ws}/ws`);
    client.send(line);
    const [started] = eventsOf(await client.until(isType("RUN_STARTED")));
    expect(started).toMatchObject({ input: { messages: [{ content: line }] } });
    await client.close();
  });

  it.each([
    ["half an object", '{"s3cret":'],
    ["an object of nothing we know", '{"s3cret":1}'],
    ["no JSON at all", "{s3cret}"],
    ["a type that is null", '{"type":null,"s3cret":1}'],
    ["a type that is a list", '{"type":["s3cret"]}'],
    ["an unknown type", '{"type":"s3cret"}'],
    ["the type __proto__", '{"type":"__proto__","s3cret":1}'],
    ["a run of nothing", '{"type":"run","s3cret":1}'],
    ["a run of null", '{"type":"run","input":null,"s3cret":1}'],
    ["a thread that is an object", '{"type":"cancel","threadId":{"s3cret":1}}'],
    ["fifty thousand brackets", `{"s3cret":${"[".repeat(50_000)}`],
  ])("%s is a bad request, reported without repeating it", async (_, frame) => {
    const client = await connect(`${sluice.ws}/ws`);
    client.send(frame);
    const [error] = eventsOf(await client.until(isType("RUN_ERROR")));
    expect(error).toMatchObject({ type: EventType.RUN_ERROR, code: "bad_request" });
    expect(JSON.stringify(error)).not.toContain("s3cret");
    await client.close();
  });

  it("a value of a hundred thousand levels is refused or ignored, and breaks nothing", async () => {
    const deep = "[".repeat(100_000) + "]".repeat(100_000);
    const body = JSON.stringify(userInput("hi")).replace('"tools":[]', `"tools":[],"state":${deep}`);
    const response = await fetch(`${sluice.url}/agui`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body,
    });
    const text = await response.text();
    expect(text).toMatch(response.ok ? /RUN_FINISHED/ : /^\{"error":\{"code":"[a-z_]+"/);
    const client = await connect(`${sluice.ws}/ws`);
    client.send(body);
    await client.until(ended);
    await client.close();
    await expectServing();
  });
});

describe("HTTP bodies", () => {
  const post = (body: string | ReadableStream, url = sluice.url, more: RequestInit = {}) =>
    fetch(`${url}/chat`, { method: "POST", headers: { "content-type": "application/json" }, body, ...more });

  it("one over MAX_BODY_BYTES is 413 in JSON, with or without a length in its headers", async () => {
    const small = await server({ MAX_BODY_BYTES: "1024" });
    const body = JSON.stringify({ message: "x".repeat(1_024) });
    const streamed = new Blob([body]).stream();
    for (const response of [
      await post(body, small.url),
      await post(streamed, small.url, { duplex: "half" } as RequestInit),
    ]) {
      expect([response.status, await response.json()]).toMatchObject([
        413,
        { error: { code: "payload_too_large", retryable: false } },
      ]);
    }
    await expectServing(small);
  });

  it("what is not JSON is 400, reported without repeating it and without a stack", async () => {
    const response = await post('{"message": secret}');
    const text = await response.text();
    expect([response.status, JSON.parse(text)]).toEqual([
      400,
      { error: { code: "bad_request", message: "The body is not JSON.", retryable: false } },
    ]);
  });

  it("what breaks off leaves nothing open", async () => {
    const raw = await rawSocket(sluice.url);
    raw.socket.write(
      `POST /chat HTTP/1.1\r\nHost: ${new URL(sluice.url).host}\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"mess`,
    );
    raw.socket.resetAndDestroy();
    await raw.closed;
    await expectServing();
  });

  it.each(["__proto__", "constructor", "prototype"])("a member called %s pollutes nothing", async (key) => {
    const evil = `{"${key}":{"polluted":true,"prototype":{"polluted":true}}}`;
    const { threadId, ...rest } = userInput("hi");
    const body = JSON.stringify(rest).replace(
      "{",
      `{"threadId":"${threadId}","${key}":${evil},"state":${evil},"forwardedProps":${evil},`,
    );
    const client = await connect(`${sluice.ws}/ws?${key}[polluted]=true&thread=${key}`);
    client.send(body);
    await client.until(ended);
    client.send(`{"type":"run","${key}":${evil},"input":${evil}}`);
    await client.until(isType("RUN_ERROR"));
    await client.close();
    await (await post(`{"message":"hi","${key}":${evil}}`)).text();
    expect(({} as { polluted?: boolean }).polluted).toBeUndefined();
    expect((Object as { polluted?: boolean }).polluted).toBeUndefined();
  });
});

describe("who may come in", () => {
  const foreign = [
    "https://evil.example",
    "null",
    "http://localhost.evil.example",
    "http://evil-localhost:3000",
    "http://localhost:3000.evil.example",
    "http://localhost@evil.example",
    "https://localhost:3000",
    "file://",
    "http://localhost:3000, https://evil.example",
  ];

  it.each(foreign)("a page of %s is refused, over WebSocket and over HTTP", async (origin) => {
    const { status, error } = await refusal(`${sluice.url}/ws`, { Origin: origin });
    expect([status, error.code]).toEqual([403, "forbidden"]);
    const response = await fetch(`${sluice.url}/chat`, {
      method: "POST",
      headers: { origin, "content-type": "application/json" },
      body: '{"message":"hi"}',
    });
    expect([response.status, await response.json()]).toMatchObject([403, { error: { code: "forbidden" } }]);
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  it.each(["http://localhost:3000", "http://LOCALHOST:5173", "http://127.0.0.1", "http://[::1]:8080"])(
    "a page of %s, on this machine, may",
    async (origin) => {
      const client = await connect(`${sluice.ws}/ws`, { headers: { origin } });
      client.send("hi");
      await verifyRun(eventsOf(await client.until(ended)));
      await client.close();
    },
  );

  it("pages of named origins may send cookies; where any origin may come, those that are not named may not", async () => {
    const open = await server({ ALLOWED_ORIGINS: "*,https://chat.example.com,http://127.0.0.1:*" });
    const allowed = async (origin: string, method: string) => {
      const headers = { origin, "access-control-request-method": "POST" };
      const { headers: answer } = await fetch(`${open.url}/agui/info`, { method, headers });
      return [answer.get("access-control-allow-origin"), answer.get("access-control-allow-credentials")];
    };
    for (const method of ["GET", "OPTIONS"]) {
      for (const named of ["https://chat.example.com", "http://127.0.0.1:5173"]) {
        expect(await allowed(named, method)).toEqual([named, "true"]);
      }
      expect(await allowed("https://other.test", method)).toEqual(["https://other.test", null]);
    }
  });

  it("a refused origin is logged once, with the setting that lets it in, over HTTP and WebSocket together", async () => {
    const lines: unknown[][] = [];
    const note = (...line: unknown[]) => void lines.push(line);
    const logger = { debug() {}, info() {}, warn: note, error: note };
    const logging = await startSluice(agents(), {}, { logger });
    others.push(logging);
    for (const origin of ["https://evil.test", "https://evil.test", "https://other.test"]) {
      expect((await fetch(`${logging.url}/agui/info`, { headers: { origin } })).status).toBe(403);
      expect((await refusal(`${logging.url}/ws`, { Origin: origin })).status).toBe(403);
    }
    for (let index = 0; index < 200; index += 1) {
      await fetch(`${logging.url}/agui/info`, { headers: { origin: `https://${index}.test` } });
    }
    expect(lines.slice(0, 2)).toEqual(
      ["https://evil.test", "https://other.test"].map((origin) => [
        { origin },
        expect.stringContaining("ALLOWED_ORIGINS"),
      ]),
    );
    expect(lines).toHaveLength(100);
  });

  it("ALLOWED_ORIGINS names exact origins: another port, scheme or subdomain is another origin", async () => {
    const strict = await server({ ALLOWED_ORIGINS: "https://chat.example.com,http://127.0.0.1:*" });
    await (await connect(`${strict.ws}/ws`, { headers: { origin: "https://chat.example.com" } })).close();
    for (const origin of [
      "https://chat.example.com:8443",
      "http://chat.example.com",
      "https://a.chat.example.com",
      "https://chat.example.com.evil.example",
      "http://localhost:3000",
    ]) {
      expect((await refusal(`${strict.url}/ws`, { Origin: origin })).status).toBe(403);
    }
  });

  it.each(["evil.example", "evil.example:8123", "localhost.evil.example", "127.0.0.1.evil.example", "169.254.169.254"])(
    "a request for the host %s is DNS rebinding, and refused",
    async (host) => {
      const { status, error } = await refusal(`${sluice.url}/ws`, { Host: host });
      expect([status, error.code]).toEqual([403, "forbidden"]);
      const raw = await rawSocket(sluice.url);
      raw.socket.write(`GET /agui/info HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`);
      expect(await raw.closed).toMatch(/^HTTP\/1\.1 403 .*"code":"forbidden"/s);
    },
  );

  it("pages of a host in ALLOWED_HOSTS may connect to that host; where any host is answered, they may not", async () => {
    const named = await server({ ALLOWED_HOSTS: "chat.example.com" });
    for (const host of ["chat.example.com", "chat.example.com:8443"]) {
      (await rawWebSocket(`${named.url}/ws`, { Host: host, Origin: `https://${host}` })).socket.destroy();
    }
    for (const [host, origin] of [
      ["chat.example.com", "https://other.example.com"],
      ["chat.example.com", "https://chat.example.com:8443"],
      ["evil.example", "https://evil.example"],
    ] as const) {
      expect((await refusal(`${named.url}/ws`, { Host: host, Origin: origin })).status).toBe(403);
    }
    const any = await server({ ALLOWED_HOSTS: "*" });
    const rebound = { Host: "evil.example", Origin: "http://evil.example" };
    expect((await refusal(`${any.url}/ws`, rebound)).status).toBe(403);
  });

  it("does not say what it is built with", async () => {
    const { headers } = await fetch(`${sluice.url}/healthz`);
    expect([headers.get("x-powered-by"), headers.get("server")]).toEqual([null, null]);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
  });
});

describe("the handshake", () => {
  it("negotiates no compression, however much it is offered", async () => {
    const raw = await rawWebSocket(`${sluice.url}/ws`, {
      "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
    });
    expect(raw.received.toLowerCase()).not.toContain("sec-websocket-extensions");
    raw.socket.destroy();
  });

  it.each([
    ["2001 headers", Array.from({ length: 2_001 }, (_, index) => `X-${index}: 1\r\n`).join("")],
    ["a header of 20 KB", `X-Large: ${"x".repeat(20_000)}\r\n`],
  ])("%s are refused, and the process lives on", async (_, flood) => {
    for (const request of [
      handshake(`${sluice.url}/ws`),
      `GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`,
    ]) {
      const raw = await rawSocket(sluice.url);
      raw.socket.write(request.replace("\r\n\r\n", `\r\n${flood}\r\n`));
      const [, status] = /^HTTP\/1\.1 (\d+)/.exec(await raw.until((received) => received.includes("\r\n\r\n"))) ?? [];
      // Node drops headers beyond its limit of 2000; the handshake may then lack what it needs.
      expect(["200", "400", "431", "101"]).toContain(status);
      raw.socket.destroy();
    }
    await expectServing();
  });

  it.each(["//", "http://[", "/%", "*", "/ws/../ws", "/nothing"])(
    "of the target %s is answered, and ends nothing",
    async (target) => {
      const raw = await rawSocket(sluice.url);
      raw.socket.write(handshake(`${sluice.url}/ws`).replace("GET /ws ", `GET ${target} `));
      await raw.until((received) => /^HTTP\/1\.1 (101|4\d\d) /.test(received));
      raw.socket.destroy();
      await expectServing();
    },
  );

  it.each([
    ["a version nobody speaks", { "Sec-WebSocket-Version": "7" }],
    ["a key that is none", { "Sec-WebSocket-Key": "x" }],
    ["another upgrade", { Upgrade: "h2c" }],
  ])("with %s is refused", async (_, headers) => {
    const raw = await rawSocket(sluice.url);
    raw.socket.write(handshake(`${sluice.url}/ws`, headers as Record<string, string>));
    await raw.until((received) => /^HTTP\/1\.1 (400|426) /.test(received));
    raw.socket.destroy();
  });

  it("that breaks off, at once or half-way, leaves nothing open", async () => {
    for (const request of ["", "GET /ws HT", handshake(`${sluice.url}/ws`)]) {
      const raw = await rawSocket(sluice.url);
      await new Promise<void>((resolve) => raw.socket.write(request || "\r\n", () => resolve()));
      raw.socket.resetAndDestroy();
      await raw.closed;
    }
    await expectServing();
    await gone(sluice, 0);
  });

  it("may take ten seconds, a request thirty: slow bytes hold nothing for long", () => {
    const { headersTimeout, requestTimeout } = sluice.server;
    expect([headersTimeout, requestTimeout]).toEqual([10_000, 30_000]);
  });
});

/** Resolves when the server has at most this many sockets left. */
async function gone({ sockets }: TestSluice, left: number): Promise<void> {
  while (sockets.size > left) await new Promise((resolve) => setImmediate(resolve));
}

describe("dead and dying sockets", () => {
  it("one that answers no ping is cut; one that does is kept", async () => {
    const lively = await server({ HEARTBEAT_SECONDS: "0.25" });
    const alive = await connect(`${lively.ws}/ws`);
    const dead = await connect(`${lively.ws}/ws`, { autoPong: false });
    expect(await dead.closed).toMatchObject({ code: 1006 });
    await gone(lively, 1);
    let pings = 0;
    await new Promise<void>((resolve) => {
      alive.socket.on("ping", () => {
        pings += 1;
        if (pings === 3) resolve();
      });
    });
    alive.send("hi");
    await verifyRun(eventsOf(await alive.until(ended)));
    await alive.close();
  });

  it("one that does not go on with a message is cut, also if it pings; one that has sent little of it is not", async () => {
    const lively = await server({ HEARTBEAT_SECONDS: "0.05" });
    const [hoarder, slow] = [await connect(`${lively.ws}/ws`), await connect(`${lively.ws}/ws`)];
    slow.socket.send("h", { fin: false });
    hoarder.socket.send("x".repeat(20_000), { fin: false });
    hoarder.socket.on("ping", () => {
      for (let count = 0; count < 200; count += 1) hoarder.socket.ping("p".repeat(100));
    });
    expect(await hoarder.closed).toMatchObject({ code: 1006 });
    slow.socket.send("i");
    await verifyRun(eventsOf(await slow.until(ended)));
    await slow.close();
  });

  it("one that sends a large message slowly is served, though it cannot answer pings meanwhile", async () => {
    const lively = await server({ HEARTBEAT_SECONDS: "0.5" });
    const raw = await rawWebSocket(`${lively.url}/ws?format=text`);
    const part = (opcode: number, fin: boolean) =>
      raw.socket.write(clientFrame(opcode, Buffer.alloc(20_000, "x"), { fin }));
    part(TEXT, false);
    for (const beat of [1, 2, 3, 4]) {
      await raw.until((received) => received.split(String.fromCharCode(0x80 | PING, 0)).length > beat);
      part(0, beat === 4);
    }
    await raw.until((received) => received.includes("Hello"));
    raw.socket.destroy();
  });

  it.each([
    ["resets", (socket: Socket) => socket.resetAndDestroy()],
    ["goes without a close frame", (socket: Socket) => socket.end()],
    ["vanishes", (socket: Socket) => socket.destroy()],
  ])("one that %s in the middle of a run is forgotten, and its run ends", async (_, leave) => {
    const thread = randomUUID();
    const raw = await rawWebSocket(`${sluice.url}/ws?agent=stepped&thread=${thread}`);
    raw.socket.write(clientFrame(TEXT, Buffer.from("hi")));
    await raw.until((received) => received.includes("RUN_STARTED"));
    leave(raw.socket);
    await gone(sluice, 0);
    while (sluice.runs.activeCount > 0) await new Promise((resolve) => setImmediate(resolve));
    await expectServing();
  });

  it("a draining server says so to every socket, with 1012, and collects no listeners for it", async () => {
    const warnings: Error[] = [];
    const note = (warning: Error) => void warnings.push(warning);
    process.on("warning", note);
    onTestFinished(() => void process.off("warning", note));
    const clients = await Promise.all(Array.from({ length: 12 }, () => connect(`${sluice.ws}/ws`)));
    await sluice.close();
    for (const client of clients) expect(await client.closed).toMatchObject({ code: 1012 });
    expect(warnings).toEqual([]);
  });
});

describe("floods", () => {
  it("of pings whose answers nobody reads do not reach the others", async () => {
    const raw = await rawWebSocket(`${sluice.url}/ws`);
    raw.socket.pause();
    const ping = clientFrame(PING, Buffer.alloc(125));
    raw.socket.write(Buffer.concat(Array.from({ length: 50_000 }, () => ping)));
    await expectServing();
    raw.socket.destroy();
  });

  it("of commands are answered one by one, as fast as they are read", async () => {
    const client = await connect(`${sluice.ws}/ws`);
    for (let count = 0; count < 2_000; count += 1) client.send({ type: "ping" });
    await expectServing();
    client.send("/help");
    const frames = await client.until((frame) => frame.includes("sluice.notice"));
    expect(frames.filter((frame) => frame.includes("sluice.pong"))).toHaveLength(2_000);
    await client.close();
  });

  it("of sockets end at MAX_SOCKETS: one more is asked to come back, and may when another has left", async () => {
    const small = await server({ MAX_SOCKETS: "2" });
    const first = await connect(`${small.ws}/ws`);
    const second = await connect(`${small.ws}/ws`);
    const { status, error } = await refusal(`${small.url}/ws`);
    expect([status, error]).toMatchObject([503, { code: "overloaded", retryable: true }]);
    await first.close();
    await gone(small, 1);
    await (await connect(`${small.ws}/ws`)).close();
    await second.close();
  });

  it("of runs end at MAX_ACTIVE_RUNS: one more is asked to come back, over HTTP and WebSocket", async () => {
    const small = await server({ MAX_ACTIVE_RUNS: "1" });
    const run = () => openSse(`${small.url}/agui/agent/stepped/run`, userInput("hi"));
    const first = await run();
    await first.until(hasType("RUN_STARTED"));
    const refused = await fetch(`${small.url}/chat`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: '{"message":"hi"}',
    });
    expect([refused.status, refused.headers.get("retry-after"), await refused.json()]).toMatchObject([
      503,
      "1",
      { error: { code: "overloaded", retryable: true } },
    ]);
    const client = await connect(`${small.ws}/ws`);
    client.send("hi");
    expect(eventsOf(await client.until(isType("RUN_ERROR")))).toMatchObject([
      { code: "overloaded", metadata: { retryable: true } },
    ]);
    model.end();
    await verifyRun(eventsOf(dataOf(await first.done)));
    client.send("hi again");
    await client.until(isType("RUN_FINISHED"));
    await client.close();
  });
});

describe("errors", () => {
  const KEY = "sk-live-4f9a8b7c6d5e";
  const PATH = "/srv/app/secrets/prompt.ts";
  const message = `cannot read ${PATH} with ${KEY} at https://joe:hunter2@db.example/x\n    at load (${PATH}:1:2)`;

  /** Fails in its node, or in a tool that the node calls. */
  const failing = (where: "node" | "tool") => {
    const broken = tool(
      () => {
        throw new Error(message, { cause: new Error(message) });
      },
      { name: "broken", description: "Fails.", schema: z.object({}) },
    );
    return new StateGraph(MessagesAnnotation)
      .addNode("fail", async () => {
        if (where === "node") throw Object.assign(new Error(message), { config: { headers: { authorization: KEY } } });
        await broken.invoke({}).catch(() => {});
        return {};
      })
      .addEdge(START, "fail")
      .addEdge("fail", END)
      .compile({ checkpointer: memory() });
  };
  const harmless = (text: string) => {
    for (const secret of [KEY, PATH, "hunter2", "/srv/", " at load", "node_modules", process.cwd()])
      expect(text).not.toContain(secret);
  };

  it.each(["node", "tool"] as const)(
    "of a %s are reported everywhere, but no key, path, password or stack in them",
    async (where) => {
      const broken = await startSluice({ broken: { graph: failing(where) } });
      others.push(broken);
      for (const format of ["agui", "langgraph", "text"]) {
        const client = await connect(`${broken.ws}/ws?format=${format}`);
        client.send("hi");
        const frames = await client.until((frame) =>
          /RUN_FINISHED|RUN_ERROR|"event":"(done|error)"|^\[(done|error)/.test(frame),
        );
        expect(frames.join("\n")).toContain("cannot read <path> with <key>");
        harmless(frames.join("\n"));
        await client.close();
      }
      for (const accept of ["text/event-stream", "application/json"]) {
        const response = await fetch(`${broken.url}/agui`, {
          method: "POST",
          headers: { accept, "content-type": "application/json" },
          body: JSON.stringify(userInput("hi")),
        });
        const text = await response.text();
        expect(text).toContain("cannot read <path> with <key>");
        harmless(text);
      }
      const chat = await fetch(`${broken.url}/chat`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: '{"message":"hi"}',
      });
      harmless(await chat.text());
    },
  );
});
