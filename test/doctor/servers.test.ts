/** Real servers over real HTTP, also behind proxies. The doctor must name the part that delays the tokens. */
import { once } from "node:events";
import { createServer, type IncomingMessage, request, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { setTimeout as delay } from "node:timers/promises";
import { createGzip } from "node:zlib";
import { ChatOpenAI } from "@langchain/openai";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { WebSocketServer } from "ws";
import { type Examination, examine } from "../../src/doctor/doctor.ts";
import { exitCode, type VerdictCode } from "../../src/doctor/verdict.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { type ModelEndpoint, modelEndpoint, TEXT, WORDS } from "./model-endpoint.ts";

let model: ModelEndpoint;
let slow: ModelEndpoint;
let unwilling: ModelEndpoint;
let sluice: TestSluice;
const closers: (() => unknown)[] = [];

beforeAll(async () => {
  [model, slow, unwilling] = await Promise.all([
    modelEndpoint(),
    modelEndpoint({ wait: 600, gap: 50, words: WORDS.slice(0, 24) }),
    modelEndpoint({ status: 401 }),
  ]);
  const chat = ({ baseUrl }: ModelEndpoint, tags: string[] = []) => ({
    graph: chatGraph(
      new ChatOpenAI({ model: "mock", apiKey: "sk-none", maxRetries: 0, tags, configuration: { baseURL: baseUrl } }),
    ),
  });
  sluice = await startSluice({
    chat: chat(model),
    slow: chat(slow),
    unwilling: chat(unwilling),
    nostream: chat(model, ["nostream"]),
    "no-events": { ...chat(model), entry: { filter: { events: ["on_chain_*"] } } },
    whole: { ...chat(model), entry: { tokens: false } },
    short: { graph: chatGraph(new SteppedModel({ always: ["Yes."] })) },
  });
});

afterAll(async () => {
  await Promise.all(closers.map((close) => close()));
  await sluice.close();
  await Promise.all([model, slow, unwilling].map((endpoint) => endpoint.close()));
});

type Handler = (request: IncomingMessage, response: ServerResponse) => void;

async function serve(handler: Handler): Promise<string> {
  const server = createServer(handler);
  closers.push(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Starts a proxy in front of the Sluice that forwards answers with `handOver`. It does not support WebSockets. */
function proxy(handOver: (answer: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  const { hostname, port, host } = new URL(sluice.url);
  return serve((incoming, response) => {
    const { method, url: path, headers } = incoming;
    incoming.pipe(
      request({ hostname, port, method, path, headers: { ...headers, host } }, (answer) => handOver(answer, response)),
    );
  });
}

interface Serving {
  readonly type?: string;
  /** Writes an event. */
  readonly frame?: (event: object) => string;
  /** Each event has a time stamp. */
  readonly stamps?: boolean;
  /** Forwards the written data to the response. */
  readonly through?: (response: ServerResponse) => Pick<ServerResponse, "write" | "end">;
}

const asEvent = (event: object) => `data: ${JSON.stringify(event)}\n\n`;

/** A server that sends these AG-UI events, with a pause between them. */
function serving(events: readonly object[], pauseMs = 0, how: Serving = {}): Promise<string> {
  const { type = "text/event-stream", frame = asEvent, stamps = false, through } = how;
  return serve(async (incoming, response) => {
    incoming.resume();
    response.writeHead(200, { "content-type": type });
    const out = through?.(response) ?? response;
    for (const event of events) {
      out.write(frame(stamps ? { ...event, timestamp: Date.now() } : event));
      if (pauseMs > 0) await delay(pauseMs);
    }
    out.end();
  });
}

/** Collects what is written, and sends it when there is this much of it. */
function blocksOf(bytes: number): Serving["through"] {
  return (response) => {
    let held = "";
    return {
      write(text: string) {
        held += text;
        if (held.length < bytes) return true;
        response.write(held);
        held = "";
        return true;
      },
      end: () => response.end(held),
    };
  };
}

/** Starts a server that has all events before it sends the first one, and sends their total size. */
function counting(events: readonly object[], overMs: number): Promise<string> {
  return serve(async (incoming, response) => {
    incoming.resume();
    const body: string[] = [];
    for (const event of events) {
      body.push(asEvent({ ...event, timestamp: Date.now() }));
      await delay(overMs / events.length);
    }
    const whole = body.join("");
    response.writeHead(200, { "content-type": "text/event-stream", "content-length": Buffer.byteLength(whole) });
    response.end(whole);
  });
}

/** Starts a WebSocket server other than Sluice that answers a run's input with these frames. */
async function socket(frames: readonly string[], pauseMs: number): Promise<string> {
  const server = new WebSocketServer({ port: 0, host: "127.0.0.1" });
  closers.push(() => server.close());
  server.on("connection", (line) => {
    line.on("message", async () => {
      for (const frame of frames) {
        line.send(frame);
        await delay(pauseMs);
      }
      line.close();
    });
  });
  await once(server, "listening");
  return `ws://127.0.0.1:${(server.address() as AddressInfo).port}/agent`;
}

async function diagnosis(target: string, rest: Partial<Examination> = {}) {
  const { verdicts, evidence } = await examine({
    target,
    agent: undefined,
    configFile: undefined,
    message: "How does a river find the sea?",
    input: undefined,
    firstTokenMs: 10_000,
    timeoutMs: 15_000,
    expectReasoning: false,
    cwd: tmpdir(),
    packageRoot: tmpdir(),
    ...rest,
  });
  const [main] = verdicts;
  return {
    codes: verdicts.map(({ code }) => code),
    exit: exitCode(verdicts),
    sentence: main?.sentence,
    shown: Object.fromEntries(main?.evidence ?? []),
    evidence,
  };
}

const MANY = [...WORDS, ...WORDS, ...WORDS, ...WORDS];
const run = (...events: object[]) => [
  { type: "RUN_STARTED", threadId: "t", runId: "r" },
  ...events,
  { type: "RUN_FINISHED", threadId: "t", runId: "r" },
];
const text = (deltas: readonly string[]) => [
  { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" },
  ...deltas.map((delta) => ({ type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta })),
  { type: "TEXT_MESSAGE_END", messageId: "m" },
];

describe("servers that stream", () => {
  test.each<[string, () => string, Partial<Examination>]>([
    ["a Sluice, by its own address", () => sluice.url, {}],
    ["its endpoint", () => `${sluice.url}/agui`, {}],
    ["an agent's endpoint", () => `${sluice.url}/agui/agent/chat/run`, {}],
    ["its WebSocket", () => `${sluice.ws}/ws`, {}],
    ["a slow model, waited for and even as a clock", () => sluice.url, { agent: "slow" }],
  ])("%s", async (_name, target, rest) => {
    const { codes, evidence } = await diagnosis(target(), rest);
    expect(codes).toEqual(["streams"]);
    expect(evidence.delivered.tokens.length).toBeGreaterThan(20);
  });

  test.each<[string, () => Promise<string>]>([
    ["any AG-UI endpoint", async () => `${await serving(run(...text(WORDS)), 15)}/copilot`],
    ["one whose events say when they were made", () => serving(run(...text(WORDS)), 15, { stamps: true })],
    [
      "a WebSocket of another server",
      () =>
        socket(
          run(...text(WORDS)).map((event) => JSON.stringify(event)),
          15,
        ),
    ],
  ])("%s", async (_name, target) => {
    const { codes, exit } = await diagnosis(await target());
    expect({ codes, exit }).toEqual({ codes: ["streams"], exit: 0 });
  });

  test("one that wants a sign-in, when --header has it", async () => {
    const url = await serving(run(...text(WORDS)), 15);
    const door = await serve((incoming, response) => {
      incoming.resume();
      const known = incoming.headers.authorization === "Bearer key";
      response.writeHead(known ? 307 : 401, known ? { location: `${url}/agui` } : {}).end();
    });
    expect((await diagnosis(door)).codes).toEqual(["sign-in-needed"]);
    const { codes, evidence } = await diagnosis(door, { headers: { authorization: "Bearer key" } });
    expect(codes).toEqual(["streams"]);
    expect(JSON.stringify(evidence)).not.toContain("Bearer key");
  });
});

test("a redirect that keeps the request, as for a slash at the end, is followed", async () => {
  const url = await serving(run(...text(WORDS)), 15);
  const first = await serve((incoming, response) => {
    incoming.resume();
    response.writeHead(307, { location: `${url}/agui/` }).end();
  });
  expect((await diagnosis(`${first}/agui`)).codes).toEqual(["streams"]);
});

describe("a proxy in front of a Sluice that streams", () => {
  test("which collects the answer", async () => {
    const url = await proxy((answer, response) => {
      const parts: Buffer[] = [];
      answer.on("data", (part: Buffer) => parts.push(part));
      answer.on("end", () => {
        const { "transfer-encoding": _, "x-accel-buffering": __, ...headers } = answer.headers;
        const body = Buffer.concat(parts);
        response.writeHead(answer.statusCode ?? 0, { ...headers, via: "1.1 cache", "content-length": body.length });
        response.end(body);
      });
    });
    const { codes, sentence, shown } = await diagnosis(url);
    expect(codes[0]).toBe("proxy-buffers");
    expect(sentence).toMatch(/The server sends the answer bit by bit/);
    expect(shown).toMatchObject({ via: "1.1 cache", "x-accel-buffering": "missing" });
  });

  test("which compresses it", async () => {
    const url = await proxy((answer, response) => {
      const { "content-length": _, ...headers } = answer.headers;
      response.writeHead(answer.statusCode ?? 0, { ...headers, "content-encoding": "gzip" });
      answer.pipe(createGzip()).pipe(response);
    });
    const { codes, shown } = await diagnosis(url);
    expect(codes[0]).toBe("compression-buffers");
    expect(shown["content-encoding"]).toBe("gzip");
  });

  test("which passes it on is not blamed", async () => {
    const url = await proxy((answer, response) => {
      response.writeHead(answer.statusCode ?? 0, { ...answer.headers, via: "1.1 honest" });
      answer.pipe(response);
    });
    expect((await diagnosis(url)).codes).toEqual(["streams"]);
  });
});

describe("the wrong endpoint", () => {
  test.each<[string, () => Promise<string> | string, RegExp]>([
    ["the plain door of a Sluice", () => `${sluice.url}/chat`, /answered 400/],
    ["no route of a Sluice", () => `${sluice.url}/stream`, /answered 404/],
    [
      "one that answers with JSON",
      () =>
        serve((_, response) =>
          response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ text: TEXT })),
        ),
      /answers with JSON/,
    ],
    [
      "a page",
      () => serve((_, response) => response.writeHead(200, { "content-type": "text/html" }).end("<html>")),
      /text\/html/,
    ],
    [
      "a way to sign in",
      () => serve((_, response) => response.writeHead(302, { location: "/login" }).end()),
      /leads elsewhere/,
    ],
    ["a stream of other events", () => serving([{ event: "values", data: {} }, { event: "end" }]), /no AG-UI events/],
  ])("%s", async (_name, target, says) => {
    const { codes, sentence } = await diagnosis(await target());
    expect(codes).toEqual(["wrong-endpoint"]);
    expect(sentence).toMatch(says);
  });

  test("names the right one, where there is a Sluice at the same host", async () => {
    const { shown } = await diagnosis(`${sluice.url}/chat`);
    expect(shown["a Sluice streams at"]).toBe(`${sluice.url}/agui`);
  });
});

describe("servers that do not stream", () => {
  test.each<[string, () => Promise<string> | string, Partial<Examination>, VerdictCode]>([
    ["tokens refused by a tag", () => sluice.url, { agent: "nostream" }, "events-refused"],
    ["tokens refused by name", () => sluice.url, { agent: "no-events" }, "events-refused"],
    ["tokens put together", () => sluice.url, { agent: "whole" }, "one-chunk"],
    ["tokens that the address refuses", () => `${sluice.url}/agui?events=on_chain_*`, {}, "events-refused"],
    ["tokens that the address has put together", () => `${sluice.url}/agui?tokens=false`, {}, "tokens-off"],
    [
      "blocks of four thousand bytes",
      () => serving(run(...text(MANY)), 8, { stamps: true, through: blocksOf(4_096) }),
      {},
      "server-buffers",
    ],
    ["a server that collects, and counts", () => counting(run(...text(WORDS)), 500), {}, "server-buffers"],
    [
      "events labelled as JSON",
      () => serving(run(...text(WORDS)), 10, { type: "application/json" }),
      {},
      "wrong-content-type",
    ],
    [
      "events as lines of JSON",
      () =>
        serving(run(...text(WORDS)), 10, {
          type: "application/x-ndjson",
          frame: (event) => `${JSON.stringify(event)}\n`,
        }),
      {},
      "wrong-content-type",
    ],
    ["an answer too short to tell", () => sluice.url, { agent: "short" }, "too-short"],
    ["a model that wants another key", () => sluice.url, { agent: "unwilling" }, "model-refused"],
    ["a first token later than asked", () => sluice.url, { agent: "slow", firstTokenMs: 200 }, "late-first-token"],
    ["a run longer than asked", () => sluice.url, { agent: "slow", timeoutMs: 300 }, "timed-out"],
    ["no reasoning", () => sluice.url, { expectReasoning: true }, "reasoning-missing"],
    [
      "snapshots of the messages",
      () =>
        serving(
          run(
            ...[10, 20, 40].map((words) => ({
              type: "MESSAGES_SNAPSHOT",
              messages: [{ id: "m", role: "assistant", content: WORDS.slice(0, words).join("") }],
            })),
          ),
          20,
        ),
      {},
      "state-snapshots",
    ],
    ["one whole message", () => serving(run(...text([TEXT]))), {}, "sent-whole"],
    ["a line that is cut", () => serving(run(...text(WORDS)).slice(0, -1), 5), {}, "run-failed"],
    [
      "a server out of order",
      () => serve((_, response) => response.writeHead(502).end("Bad gateway")),
      {},
      "run-failed",
    ],
    [
      "a server that asks who is there",
      () => serve((_, response) => response.writeHead(401).end()),
      {},
      "sign-in-needed",
    ],
  ])("%s", async (_name, target, rest, code) => {
    expect((await diagnosis(await target(), rest)).codes[0]).toBe(code);
  });

  test("an answer cut into pieces when it was finished", async () => {
    const stamped = (at: number) => ({ timestamp: 1_700_000_000_000 + at });
    const events = text(WORDS).map((event, index) => ({ ...event, ...stamped(index / 20) }));
    const url = await serve(async (incoming, response) => {
      incoming.resume();
      response.writeHead(200, { "content-type": "text/event-stream" });
      await delay(400);
      response.end(
        run(...events)
          .map((event) => `data: ${JSON.stringify(event)}\n\n`)
          .join(""),
      );
    });
    const { codes, sentence } = await diagnosis(url);
    expect(codes).toEqual(["fake-streaming"]);
    expect(sentence).toMatch(/^This looks like/);
  });

  test("nobody at all", async () => {
    const url = await serve(() => {});
    await closers.pop()?.();
    const { codes, sentence } = await diagnosis(url);
    expect(codes).toEqual(["unreachable"]);
    expect(sentence).toMatch(/The connection was refused/);
  });

  test("https where the port speaks plain HTTP", async () => {
    const url = await serve((_, response) => response.end());
    const { codes, sentence, exit } = await diagnosis(url.replace("http:", "https:"));
    expect({ codes, exit }).toEqual({ codes: ["unreachable"], exit: 2 });
    expect(sentence).toMatch(`The server speaks no TLS on that port: try ${url}`);
  });

  test("a WebSocket of another kind", async () => {
    const { codes, sentence, exit } = await diagnosis(await socket([JSON.stringify({ hello: 1 })], 0));
    expect({ codes, exit }).toEqual({ codes: ["wrong-endpoint"], exit: 2 });
    expect(sentence).toMatch(/frames that are no AG-UI events/);
  });

  test("an address that knows no WebSocket", async () => {
    const url = await serve((_, response) => response.writeHead(404).end());
    const { codes, sentence, exit } = await diagnosis(url.replace("http", "ws"));
    expect({ codes, exit }).toEqual({ codes: ["wrong-endpoint"], exit: 2 });
    expect(sentence).toMatch(/answered 404 to the handshake of a WebSocket/);
  });

  test("nobody at a WebSocket's address", async () => {
    const url = await serve(() => {});
    await closers.pop()?.();
    expect((await diagnosis(url.replace("http", "ws"))).codes).toEqual(["unreachable"]);
  });
});
