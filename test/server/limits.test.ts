/** Limits of one client. Clients are known by the address that a trusted proxy names. */
import { gzipSync } from "node:zlib";
import { afterEach, describe, expect, it } from "vitest";
import { createSluice } from "../../src/app/sluice.ts";
import { formatApiKey } from "../../src/config/keys.ts";
import { readSettings } from "../../src/config/settings.ts";
import { Counts } from "../../src/counts/counts.ts";
import { Limits } from "../../src/limits/limits.ts";
import { Memory } from "../../src/limits/memory.ts";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { DEFAULT_SCOPES } from "../../src/protocol/scopes.ts";
import { makeApiKey } from "../../src/server/auth/api-keys.ts";
import { OpenConnections } from "../../src/server/open-connections.ts";
import { startHost } from "../support/host.ts";
import { clientFrame, rawSocket, rawWebSocket, refusal } from "../support/raw-socket.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connect, isType } from "../support/ws-client.ts";

const ONE = "203.0.113.1";
const OTHER = "203.0.113.2";
const TOKEN = "metrics-token-of-this-test";

let sluice: TestSluice;
afterEach(() => sluice?.close());

async function start(env: Record<string, string>, model = new SteppedModel({ always: ["hi"] })): Promise<void> {
  sluice = await startSluice({ it: { graph: chatGraph(model) } }, { TRUST_PROXY: "1", METRICS_TOKEN: TOKEN, ...env });
}

const from = (address: string) => ({ "X-Forwarded-For": address });

function ask(address: string, threadId: string): Promise<Response> {
  const headers = { ...from(address), "Content-Type": "application/json" };
  return fetch(`${sluice.url}/agui`, { method: "POST", headers, body: JSON.stringify(userInput("hi", { threadId })) });
}

function frames(address: string) {
  return connect(`${sluice.ws}/ws`, { headers: from(address) }, [SUBPROTOCOL]);
}

function socket(address: string, query = "") {
  return connect(`${sluice.ws}/ws${query}`, { headers: from(address) });
}

async function refused(limit: string): Promise<string | undefined> {
  const response = await fetch(`${sluice.url}/metrics`, { headers: { Authorization: `Bearer ${TOKEN}` } });
  return new RegExp(`^sluice_limits_hit_total\\{limit="${limit}"\\} (\\d+)$`, "m").exec(await response.text())?.[1];
}

/** The limit that an upgrade is refused for. */
async function limitOf(address: string): Promise<string> {
  const answer = await refusal(`${sluice.url}/ws`, from(address)).catch(() => undefined);
  return answer ? (/: (\w+) is/.exec(answer.error.message)?.[1] ?? "") : "cut";
}

async function expectRefusal(response: Response, limit: string): Promise<void> {
  expect(response.status).toBe(429);
  const { error } = (await response.json()) as { error: { details: { retryAfterSeconds: number } } };
  expect(error).toMatchObject({ code: "rate_limited", retryable: true, message: expect.stringContaining(limit) });
  expect(response.headers.get("retry-after")).toBe(String(error.details.retryAfterSeconds));
  expect(error.details.retryAfterSeconds).toBeGreaterThan(0);
  expect(error.details.retryAfterSeconds).toBeLessThanOrEqual(60);
}

describe("one client, beside another that is not affected,", () => {
  it("starts MAX_RUNS_PER_MINUTE and no more; attaching to a run starts none", async () => {
    await start({ MAX_RUNS_PER_MINUTE: "2" });
    for (const thread of ["a", "b"]) expect(await (await ask(ONE, thread)).text()).toContain("RUN_FINISHED");
    await expectRefusal(await ask(ONE, "c"), "MAX_RUNS_PER_MINUTE");
    expect(await (await ask(OTHER, "d")).text()).toContain("RUN_FINISHED");
    expect(await refused("MAX_RUNS_PER_MINUTE")).toBe("1");
  });

  it("has MAX_CLIENT_RUNS at once, and may start another when one has ended", async () => {
    const model = new SteppedModel();
    await start({ MAX_CLIENT_RUNS: "1" }, model);
    const first = await ask(ONE, "a");
    await expectRefusal(await ask(ONE, "b"), "MAX_CLIENT_RUNS");
    const other = await ask(OTHER, "c");
    expect(other.status).toBe(200);
    await other.body?.cancel();
    while (sluice.runs.activeCount > 1) await new Promise((resolve) => setImmediate(resolve));
    model.say("x").end();
    expect(await first.text()).toContain("RUN_FINISHED");
    while (sluice.runs.activeCount > 0) await new Promise((resolve) => setImmediate(resolve));
    model.say("z").end();
    expect(await (await ask(ONE, "d")).text()).toContain("RUN_FINISHED");
  });

  it("a run that cannot begin holds no place", async () => {
    await start({ MAX_CLIENT_RUNS: "1" });
    const headers = { ...from(ONE), "Content-Type": "application/json" };
    const body = JSON.stringify({ ...userInput("hi"), resume: [{ interruptId: "none", status: "resolved" }] });
    expect((await fetch(`${sluice.url}/agui`, { method: "POST", headers, body })).status).toBe(400);
    expect(await (await ask(ONE, "a")).text()).toContain("RUN_FINISHED");
  });

  it("has MAX_CLIENT_SOCKETS open, and may open another when one has closed", async () => {
    await start({ MAX_CLIENT_SOCKETS: "1" });
    const first = await socket(ONE);
    await expect(socket(ONE)).rejects.toThrow("429");
    const other = await socket(OTHER);
    await first.close();
    while (sluice.sockets.size > 1) await new Promise((resolve) => setImmediate(resolve));
    await (await socket(ONE)).close();
    await other.close();
  });

  it("refused upgrades hold no place", async () => {
    await start({ MAX_CLIENT_SOCKETS: "1" });
    await expect(socket(ONE, "?agent=nobody")).rejects.toThrow("404");
    await (await socket(ONE)).close();
  });

  it("opens MAX_HANDSHAKES_PER_MINUTE sockets, whatever becomes of them", async () => {
    await start({ MAX_HANDSHAKES_PER_MINUTE: "2" });
    await (await socket(ONE)).close();
    await expect(socket(ONE, "?agent=nobody")).rejects.toThrow("404");
    await expect(socket(ONE)).rejects.toThrow("429");
    await (await socket(OTHER)).close();
  });

  it("waits for the refusal of an upgrade, on no more connections than it may have sockets; the others are cut", async () => {
    await start({ MAX_HANDSHAKES_PER_MINUTE: "1", MAX_CLIENT_SOCKETS: "2" });
    await (await socket(ONE)).close();
    const ends: string[] = [];
    await Promise.all([1, 2, 3].map(async () => ends.push(await limitOf(ONE))));
    expect(ends).toEqual(["cut", "MAX_HANDSHAKES_PER_MINUTE", "MAX_HANDSHAKES_PER_MINUTE"]);
  });

  it("opens MAX_HANDSHAKES_PER_MINUTE sockets, also while it has MAX_CLIENT_SOCKETS", async () => {
    await start({ MAX_HANDSHAKES_PER_MINUTE: "3", MAX_CLIENT_SOCKETS: "1" });
    const open = await socket(ONE);
    const ends = [await limitOf(ONE), await limitOf(ONE), await limitOf(ONE)];
    expect(ends).toEqual(["MAX_CLIENT_SOCKETS", "MAX_CLIENT_SOCKETS", "cut"]);
    await open.close();
  });

  it("sends MAX_REQUESTS_PER_MINUTE, over HTTP", async () => {
    await start({ MAX_REQUESTS_PER_MINUTE: "2" });
    const list = (address: string) => fetch(`${sluice.url}/threads`, { headers: from(address) });
    for (const _ of [1, 2]) expect((await list(ONE)).status).toBe(200);
    await expectRefusal(await list(ONE), "MAX_REQUESTS_PER_MINUTE");
    expect((await list(OTHER)).status).toBe(200);
    for (const probe of ["healthz", "readyz"]) {
      expect((await fetch(`${sluice.url}/${probe}`, { headers: from(ONE) })).status).toBe(200);
    }
  });

  const large = (address: string, kib: number, sent: "whole" | "chunked" | "gzip" = "whole") => {
    const text = JSON.stringify({ filler: "x".repeat(kib * 1_024) });
    const body = { whole: () => text, chunked: () => new Blob([text]).stream(), gzip: () => gzipSync(text) }[sent]();
    const packed = sent === "gzip" ? { "Content-Encoding": "gzip" } : {};
    const headers = { ...from(address), "Content-Type": "application/json", ...packed };
    return fetch(`${sluice.url}/agui`, { method: "POST", headers, body, duplex: "half" } as RequestInit);
  };

  it.each([
    ["with its length", "whole"],
    ["in chunks", "chunked"],
    ["that is packed", "gzip"],
  ] as const)("a body %s counts as one more request for each 64 KiB, but never as more than all", async (_, sent) => {
    await start({ MAX_REQUESTS_PER_MINUTE: "6" });
    expect((await large(ONE, 3 * 64, sent)).status).toBe(400);
    await expectRefusal(await large(ONE, 3 * 64, sent), "MAX_REQUESTS_PER_MINUTE");
    expect((await large(OTHER, 1_024)).status).toBe(400);
    await expectRefusal(await large(OTHER, 1), "MAX_REQUESTS_PER_MINUTE");
  });

  it("is refused before its body is read", async () => {
    await start({ MAX_REQUESTS_PER_MINUTE: "1" });
    expect((await large(ONE, 1)).status).toBe(400);
    const raw = await rawSocket(sluice.url);
    const head = ["POST /agui HTTP/1.1", "Host: localhost", "Content-Type: application/json", "Content-Length: 500000"];
    raw.socket.write(`${[...head, `X-Forwarded-For: ${ONE}`].join("\r\n")}\r\n\r\n`);
    await raw.until((received) => received.startsWith("HTTP/1.1 429"));
    raw.socket.destroy();
  });

  it("goes on after large bodies that broke off, that come slowly, or that are too large", async () => {
    await start({ MAX_BODY_BYTES: "100000" });
    const upload = async (length: number) => {
      const raw = await rawSocket(sluice.url);
      const head = ["POST /agui HTTP/1.1", "Host: localhost", "Content-Type: application/json"];
      const more = [`X-Forwarded-For: ${ONE}`, `Content-Length: ${length}`];
      raw.socket.write(`${[...head, ...more].join("\r\n")}\r\n\r\n{`);
      return raw;
    };
    for (const _ of [1, 2, 3]) {
      (await upload(40_000_000)).socket.destroy();
      (await upload(90_000)).socket.destroy();
    }
    const slow = [await upload(90_000), await upload(90_000)];
    expect((await large(ONE, 80)).status).toBe(400);
    for (const { socket } of slow) socket.destroy();
  });

  it("is not refused for large bodies that come at the same time, and small ones do not wait for them", async () => {
    await start({});
    const open = Array.from({ length: 4 }, async () => {
      const raw = await rawSocket(sluice.url);
      const head = ["POST /agui HTTP/1.1", "Host: localhost", "Content-Type: application/json"];
      raw.socket.write(`${[...head, `X-Forwarded-For: ${ONE}`, "Content-Length: 100000"].join("\r\n")}\r\n\r\n{`);
      return raw;
    });
    const raws = await Promise.all(open);
    expect((await large(ONE, 1)).status).toBe(400);
    for (const raw of raws) raw.socket.write(`"a":"${"x".repeat(99_992)}"}`);
    for (const raw of raws) {
      await raw.until((received) => received.startsWith("HTTP/1.1 400"));
      raw.socket.destroy();
    }
  });

  it("a message of a WebSocket as well, and the messages after it keep their order", async () => {
    await start({ MAX_REQUESTS_PER_MINUTE: "6" });
    const one = await frames(ONE);
    one.send({ type: "nothing", id: "first", filler: "x".repeat(3 * 65_536) });
    one.send({ type: "ping", id: "second" });
    await one.until(isType("pong"));
    expect(one.frames.filter((frame) => /"type":"(error|pong)"/.test(frame))).toHaveLength(2);
    expect(one.frames.at(-1)).toContain('"pong"');
    one.send({ type: "ping" });
    one.send({ type: "ping" });
    expect(await one.closed).toMatchObject({ code: 4429 });
  });

  it("and over a WebSocket, which closes with 4429", async () => {
    await start({ MAX_REQUESTS_PER_MINUTE: "2" });
    const [one, other] = [await socket(ONE), await socket(OTHER)];
    for (const _ of [1, 2, 3]) one.send({ type: "ping" });
    expect(await one.closed).toMatchObject({ code: 4429 });
    // It opens no other socket either.
    await expect(socket(ONE)).rejects.toThrow("429");
    other.send({ type: "ping" });
    await other.until(isType("CUSTOM"));
    await other.close();
  });

  it("pings of WebSockets count as well, and a client that goes on after its close is not read from, and cut", async () => {
    await start({ MAX_REQUESTS_PER_MINUTE: "2" });
    const raw = await rawWebSocket(`${sluice.url}/ws`, from(ONE));
    const ping = clientFrame(0x9, Buffer.from("ping"));
    raw.socket.write(Buffer.concat([ping, ping, ping]));
    const closing = "\x88"; // The first byte of a close frame.
    await raw.until((received) => received.split("\r\n\r\n")[1]?.includes(closing) === true);
    const flood = Buffer.concat(Array.from({ length: 10_000 }, () => ping));
    let taken = 0;
    await new Promise<void>((resolve) => {
      raw.socket.once("close", () => resolve());
      const push = () => {
        while (!raw.socket.destroyed && taken < 1_000_000_000) {
          taken += flood.length;
          if (!raw.socket.write(flood)) return void raw.socket.once("drain", push);
        }
      };
      push();
    });
    expect(await refused("MAX_REQUESTS_PER_MINUTE")).toBe("1");
    const other = await socket(OTHER);
    other.socket.ping();
    await new Promise((resolve) => other.socket.once("pong", resolve));
    await other.close();
  });
});

describe("one client follows MAX_CLIENT_SUBSCRIPTIONS threads at once, and another one when it has left one,", () => {
  it("over HTTP", async () => {
    await start({ MAX_CLIENT_SUBSCRIPTIONS: "1" });
    const watch = (address: string, thread: string) => {
      const leaving = new AbortController();
      const response = fetch(`${sluice.url}/threads/${thread}/events`, {
        headers: from(address),
        signal: leaving.signal,
      });
      return { response, leave: () => leaving.abort() };
    };
    const first = watch(ONE, "a");
    expect((await first.response).status).toBe(200);
    await expectRefusal(await watch(ONE, "b").response, "MAX_CLIENT_SUBSCRIPTIONS");
    expect((await watch(OTHER, "b").response).status).toBe(200);
    first.leave();
    await expect
      .poll(async () => {
        const again = watch(ONE, "c");
        const { status } = await again.response;
        again.leave();
        return status;
      })
      .toBe(200);
    expect(Number(await refused("MAX_CLIENT_SUBSCRIPTIONS"))).toBeGreaterThanOrEqual(1);
  });

  it("over all of its sockets", async () => {
    await start({ MAX_CLIENT_SUBSCRIPTIONS: "1" });
    const [one, another] = [await frames(ONE), await frames(ONE)];
    one.send({ type: "subscribe", id: "1", topic: "thread:a" });
    await one.until(isType("ack"));
    another.send({ type: "subscribe", id: "2", topic: "thread:b" });
    const [refusal] = (await another.until(isType("error"))).slice(-1);
    expect(JSON.parse(refusal ?? "")).toMatchObject({ id: "2", code: "rate_limited", retryable: true });
    one.send({ type: "unsubscribe", id: "3", topic: "thread:a" });
    await one.until((frame) => frame.includes('"id":"3"'));
    another.send({ type: "subscribe", id: "4", topic: "thread:b" });
    await another.until(isType("ack"));
    await Promise.all([one.close(), another.close()]);
  });
});

describe("a principal", () => {
  const ann = makeApiKey("ann", DEFAULT_SCOPES);
  const ben = makeApiKey("ben", DEFAULT_SCOPES);
  const API_KEYS = [ann, ben].map(({ known }) => formatApiKey({ ...known, scopes: [...known.scopes] })).join(",");
  const signedIn = (address: string, { key }: typeof ann) =>
    connect(`${sluice.ws}/ws`, { headers: { ...from(address), "X-API-Key": key } }, [SUBPROTOCOL]);

  it("sends MAX_REQUESTS_PER_MINUTE messages over all of its sockets, wherever it comes from", async () => {
    await start({ AUTH: "api-key", API_KEYS, MAX_REQUESTS_PER_MINUTE: "3" });
    const [one, two, other] = [await signedIn(ONE, ann), await signedIn(OTHER, ann), await signedIn(ONE, ben)];
    for (const [socket, id] of [
      [one, "1"],
      [two, "2"],
      [one, "3"],
    ] as const) {
      socket.send({ type: "ping", id });
      await socket.until((frame) => frame.includes(`"id":"${id}"`));
    }
    two.send({ type: "ping" });
    expect(await two.closed).toMatchObject({ code: 4429 });
    other.send({ type: "ping", id: "4" });
    await other.until(isType("pong"));
    await Promise.all([one.close(), other.close()]);
  });

  it("has MAX_CLIENT_SOCKETS open, wherever they come from, signed in by a header or by a frame", async () => {
    await start({ AUTH: "api-key", API_KEYS, MAX_CLIENT_SOCKETS: "2" });
    const sockets = [await signedIn(ONE, ann), await signedIn(OTHER, ann)];
    await expect(signedIn("203.0.113.3", ann)).rejects.toThrow("429");
    const late = await connect(`${sluice.ws}/ws`, { headers: from("203.0.113.4") }, [SUBPROTOCOL]);
    late.send({ type: "auth", id: "1", token: ann.key });
    const [refusal] = (await late.until(isType("error"))).slice(-1);
    expect(JSON.parse(refusal ?? "")).toMatchObject({ code: "rate_limited" });
    await sockets.pop()?.close();
    while (sluice.sockets.size > 2) await new Promise((resolve) => setImmediate(resolve));
    late.send({ type: "auth", id: "2", token: ann.key });
    await late.until(isType("ack"));
    // A renewed sign-in is not counted twice.
    late.send({ type: "auth", id: "3", token: ann.key });
    await late.until((frame) => frame.includes('"id":"3"') && isType("ack")(frame));
    await (await signedIn(ONE, ben)).close();
    await Promise.all([...sockets, late].map((socket) => socket.close()));
  });
});

describe("what a client sends", () => {
  const body = (messages: number) => ({
    ...userInput("hi"),
    messages: Array.from({ length: messages }, (_, index) => ({ id: `m${index}`, role: "user", content: "hi" })),
  });
  const post = (input: object, path = "/agui") =>
    fetch(`${sluice.url}${path}`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(input),
    });

  it("has MAX_INPUT_MESSAGES messages", async () => {
    await start({ MAX_INPUT_MESSAGES: "3" });
    expect(await (await post(body(3))).text()).toContain("RUN_FINISHED");
    const response = await post(body(4));
    expect(response.status).toBe(413);
    expect(await response.json()).toMatchObject({
      error: { code: "payload_too_large", message: expect.stringContaining("MAX_INPUT_MESSAGES is 3") },
    });
    expect(await refused("MAX_INPUT_MESSAGES")).toBe("1");
  });

  it("has MAX_INPUT_NODES values, over HTTP and over a socket of either kind, which stays open", async () => {
    await start({ MAX_INPUT_NODES: "100" });
    const wide = { ...userInput("hi"), state: { list: Array.from({ length: 100 }, () => 0) } };
    for (const path of ["/agui", "/chat", "/agui/agent/it/connect"]) {
      const response = await post(wide, path);
      expect(response.status).toBe(413);
      expect(await response.text()).toContain("MAX_INPUT_NODES is 100");
    }
    const socket = await connect(`${sluice.ws}/ws`);
    socket.send(wide);
    expect((await socket.until(isType("RUN_ERROR"))).join()).toContain("MAX_INPUT_NODES");
    socket.send({ type: "ping" });
    await socket.until(isType("CUSTOM"));
    const framed = await connect(`${sluice.ws}/ws`, {}, [SUBPROTOCOL]);
    framed.send({ type: "run", id: "1", input: wide });
    expect((await framed.until(isType("error"))).join()).toContain("payload_too_large");
    await Promise.all([socket.close(), framed.close()]);
    expect(await refused("MAX_INPUT_NODES")).toBe("5");
  });

  it("is walked no further than to one value too many", async () => {
    await start({});
    const response = await fetch(`${sluice.url}/agui`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: `[${"[],".repeat(2_000_000)}0]`,
    });
    expect(response.status).toBe(413);
  });
});

describe("short of memory", () => {
  it("runs and sockets are refused, and taken again when there is memory; what is open goes on", async () => {
    let share = 0.5;
    const model = new SteppedModel();
    sluice = await startSluice(
      { it: { graph: chatGraph(model) } },
      { METRICS_TOKEN: TOKEN },
      { memoryUsage: () => share },
    );
    const running = ask(ONE, "a");
    await expect.poll(() => sluice.runs.activeCount).toBe(1);
    const opens = () =>
      connect(`${sluice.ws}/ws`).then(
        (socket) => socket.close().then(() => true),
        () => false,
      );
    share = 0.85;
    await expect.poll(opens).toBe(false);
    const refusal = await ask(ONE, "b");
    expect(refusal.headers.get("retry-after")).toBe("1");
    expect(await refusal.json()).toMatchObject({
      error: { code: "overloaded", message: expect.stringContaining("memory") },
    });
    await expect(connect(`${sluice.ws}/ws`)).rejects.toThrow("503");
    model.say("x").end();
    expect(await (await running).text()).toContain("RUN_FINISHED");
    share = 0.5;
    await expect.poll(opens).toBe(true);
    expect(Number(await refused("MAX_MEMORY_BYTES"))).toBeGreaterThanOrEqual(3);
  });

  it("the client that reads least is cut, and the others stay", () => {
    const connections = new OpenConnections();
    const cut: number[] = [];
    const line = (waitingBytes: number) => {
      const closed = new AbortController();
      const end = () => {
        cut.push(waitingBytes);
        closed.abort();
      };
      connections.add({ waitingBytes, cut: end }, closed.signal);
    };
    for (const bytes of [0, 10, 300, 20, 0]) line(bytes);
    const counts = new Counts();
    const usages = [0.85, 0.95, 0.95, 0.5];
    const memory = new Memory({
      usage: () => usages.shift() ?? 0,
      reached: counts.limits,
      cutSlowest: () => connections.cutSlowest(),
      changed: () => {},
    });
    for (const expected of [[], [300], [300, 20], [300, 20]]) {
      memory.look();
      expect(cut).toEqual(expected);
    }
    expect(counts.limits.get("MAX_MEMORY_BYTES")).toBe(2);
  });
});

it("addresses of one IPv6 network are one client", async () => {
  await start({ MAX_RUNS_PER_MINUTE: "1" });
  await (await ask("2001:db8:1:2::1", "a")).text();
  await expectRefusal(await ask("2001:db8:1:2:ffff::9", "b"), "MAX_RUNS_PER_MINUTE");
  expect((await ask("2001:db8:1:3::1", "c")).status).toBe(200);
});

it("an address that no trusted proxy names changes nothing: clients on this machine are not counted", async () => {
  await start({ MAX_RUNS_PER_MINUTE: "1", TRUST_PROXY: "" });
  for (const thread of ["a", "b"]) expect((await ask(ONE, thread)).status).toBe(200);
});

it("a principal is one client, wherever it comes from", async () => {
  await start({});
  const request = (address: string) => ({ socket: { remoteAddress: address }, headers: {} }) as never;
  const env = { MAX_RUNS_PER_MINUTE: "1" };
  const counts = new Counts();
  const limits = new Limits(readSettings(env), counts.limits);
  await limits.run({ request: request(ONE), principal: "ann" });
  await expect(limits.run({ request: request(OTHER), principal: "ann" })).rejects.toThrow("MAX_RUNS_PER_MINUTE");
  await limits.run({ request: request(ONE), principal: "ben" });
  expect([...counts.limits]).toEqual([["MAX_RUNS_PER_MINUTE", 1]]);
});

it("a socket keeps its address's place when its principal has none left", () => {
  const request = { socket: { remoteAddress: ONE }, headers: {} } as never;
  const limits = new Limits(readSettings({ MAX_CLIENT_SOCKETS: "1" }), new Counts().limits);
  limits.socketPlace().take({ request, principal: "ann" });
  const place = limits.socketPlace();
  place.take({ request });
  expect(() => place.take({ request, principal: "ann" })).toThrow("MAX_CLIENT_SOCKETS");
  expect(() => limits.socketPlace().take({ request })).toThrow("MAX_CLIENT_SOCKETS");
  place.leave();
  limits.socketPlace().take({ request });
});

it("an address that had MAX_FAILED_SIGN_INS_PER_MINUTE refused waits, even with the right credential", async () => {
  const graph = chatGraph(new SteppedModel({ always: ["hi"] }));
  const embedded = createSluice({
    agents: { graph },
    trustProxy: 1,
    maxFailedSignInsPerMinute: 2,
    authorize: ({ headers }) => headers.authorization === "right",
  });
  const host = await startHost((app, server) => {
    app.use("/", embedded.router);
    embedded.attach(server);
  });
  const status = async (address: string, authorization: string) =>
    (await fetch(`${host.url}/threads`, { headers: { ...from(address), authorization } })).status;
  expect(await status(ONE, "wrong")).toBe(401);
  expect(await status(ONE, "right")).toBe(200);
  expect(await status(ONE, "wronger")).toBe(401);
  expect(await status(ONE, "right")).toBe(429);
  await expect(connect(`${host.ws}/ws`, { headers: { ...from(ONE), authorization: "right" } })).rejects.toThrow("429");
  expect(await status(OTHER, "right")).toBe(200);
  expect(await embedded.metrics()).toContain("sluice_auth_failures_total 2");
  await embedded.close();
  await host.close();
});
