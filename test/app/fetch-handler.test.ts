/** Sluice in frameworks with web-standard requests: plain `Request` objects, and Hono on a Node server. */
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { type ServerType, serve } from "@hono/node-server";
import { getConnInfo } from "@hono/node-server/conninfo";
import { Hono } from "hono";
import { afterEach, describe, expect, it, vi } from "vitest";
import { toFetchHandler } from "../../src/app/fetch-handler.ts";
import { createSluice, type Sluice, type SluiceOptions } from "../../src/app/sluice.ts";
import { readSse } from "../../src/client/sse.ts";
import { type Logger, silent } from "../../src/ops/logger.ts";
import { type AguiEvent, EventType, type RunAgentInput } from "../../src/protocol/events.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { eventsOf } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType } from "../support/ws-client.ts";

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

function embedded(model: SteppedModel, options: Partial<SluiceOptions> = {}): Sluice {
  const sluice = createSluice({
    agents: { chat: chatGraph(model) },
    basePath: "/ai",
    drainSeconds: 0.2,
    orphanGraceSeconds: 0.01,
    ...options,
  });
  closing.push(() => sluice.close());
  return sluice;
}

/** Makes a Sluice that reports the ends of its runs. */
function reporting(model: SteppedModel) {
  const info = vi.fn<Logger["info"]>();
  const outcomes = () => info.mock.calls.map(([fields]) => (fields as { outcome?: unknown }).outcome);
  return {
    sluice: embedded(model, { logger: { ...silent, info } }),
    cancelled: () => expect.poll(outcomes).toContain("cancelled"),
  };
}

function post(input: RunAgentInput | string, init: RequestInit = {}): Request {
  const body = typeof input === "string" ? input : JSON.stringify(input);
  return new Request("http://host.example/ai/agui", { method: "POST", headers: JSON_TYPE, body, ...init });
}
const JSON_TYPE = { "Content-Type": "application/json" };

async function collect({ body }: Response, hear: (event: AguiEvent) => void = () => {}): Promise<AguiEvent[]> {
  const events: AguiEvent[] = [];
  if (!body) throw new Error("The answer has no body.");
  for await (const { data } of readSse(body)) {
    const event = JSON.parse(data) as AguiEvent;
    events.push(event);
    hear(event);
  }
  return events;
}

describe("bare requests", () => {
  it("are answered event by event", async () => {
    const model = new SteppedModel();
    const response = await toFetchHandler(embedded(model))(post(userInput("hi")));
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("text/event-stream");
    expect(response.headers.get("transfer-encoding")).toBeNull();
    model.say("He");
    // The model says more only after the first piece has arrived.
    const events = await collect(response, (event) => {
      if (event.type === EventType.TEXT_MESSAGE_CONTENT && event.delta === "He") model.say("llo").end();
    });
    await verifyRun(events);
    expect(JSON.stringify(events)).toContain('"llo"');
  });

  it.each([
    ["its body is cancelled", async (response: Response) => response.body?.cancel()],
    ["its signal is aborted", async (_: Response, abort: () => void) => abort()],
  ])("a run ends with its client: %s", async (_, leave) => {
    const model = new SteppedModel();
    const { sluice, cancelled } = reporting(model);
    const aborter = new AbortController();
    const input = userInput("hi");
    const response = await toFetchHandler(sluice)(post(input, { signal: aborter.signal }));
    await leave(response, () => aborter.abort());
    await cancelled();
  });

  it("an aborted request is not answered", async () => {
    const handle = toFetchHandler(embedded(new SteppedModel()));
    await expect(handle(post(userInput("hi"), { signal: AbortSignal.abort("left") }))).rejects.toBe("left");
  });

  it("one that is aborted while it waits rejects with the reason", async () => {
    let asked = () => {};
    const waiting = new Promise<void>((resolve) => (asked = resolve));
    const authorize = () => new Promise<boolean>(() => asked());
    const aborter = new AbortController();
    const answer = toFetchHandler(embedded(new SteppedModel(), { authorize, cookies: false }))(
      post(userInput("hi"), { signal: aborter.signal }),
    );
    await waiting;
    aborter.abort("left");
    await expect(answer).rejects.toBe("left");
  });

  it("a slow reader holds the events back, and gets all of them", async () => {
    const words = Array.from({ length: 400 }, (_, index) => `${index}${"x".repeat(2_000)} `);
    const response = await toFetchHandler(embedded(new SteppedModel({ always: words })))(post(userInput("hi")));
    await new Promise(setImmediate); // The run is well ahead of the reader now.
    const events = await collect(response);
    await verifyRun(events);
    const text = events.map((event) => (event.type === EventType.TEXT_MESSAGE_CONTENT ? event.delta : "")).join("");
    expect(text).toBe(words.join(""));
  });

  it("a reader that is cut for being slow sees that its answer is not whole", async () => {
    const cut = vi.fn();
    const model = new SteppedModel({ always: Array.from({ length: 400 }, () => "x".repeat(4_000)) });
    const response = await toFetchHandler(
      embedded(model, { slowConsumerSeconds: 0.02, logger: { ...silent, warn: cut } }),
    )(post(userInput("hi")));
    await expect.poll(() => cut).toHaveBeenCalled();
    await expect(collect(response)).rejects.toThrow();
  });

  it("are answered as JSON, with headers and statuses as they are", async () => {
    const handle = toFetchHandler(
      embedded(new SteppedModel({ always: ["Hello"] }), { allowedOrigins: ["https://a.example"] }),
    );
    const chat = await handle(
      new Request("http://h/ai/chat", { method: "POST", headers: JSON_TYPE, body: '{"message":"hi"}' }),
    );
    expect(await chat.json()).toMatchObject({ message: "Hello" });
    const preflight = await handle(
      new Request("http://h/ai/agui", {
        method: "OPTIONS",
        headers: { Origin: "https://a.example", "Access-Control-Request-Method": "POST" },
      }),
    );
    expect([preflight.status, preflight.body]).toEqual([204, null]);
    expect(preflight.headers.get("access-control-allow-origin")).toBe("https://a.example");
    expect((await handle(post("{"))).status).toBe(400);
    expect(
      (await handle(post(userInput("hi"), { headers: { ...JSON_TYPE, Origin: "https://b.example" } }))).status,
    ).toBe(403);
  });

  it("a body that is too large is refused, also when it streams", async () => {
    const handle = toFetchHandler(embedded(new SteppedModel(), { maxBodyBytes: 1_024 }));
    expect((await handle(post("x".repeat(1 << 20)))).status).toBe(413);
  });

  it.each(["/", "/aim/agui", "/ai/nothing", "/ai"])("%s is no route", async (path) => {
    const response = await toFetchHandler(embedded(new SteppedModel()))(new Request(`http://h${path}`));
    expect(response.status).toBe(404);
  });

  it("come from the address that the host names", async () => {
    const seen: unknown[] = [];
    const sluice = embedded(new SteppedModel(), {
      authorize: ({ socket, url }) => {
        seen.push([socket.remoteAddress, url]);
        return false;
      },
    });
    const handle = toFetchHandler(sluice);
    await handle(new Request("http://h/ai/threads?limit=1"), { remoteAddress: "203.0.113.7" });
    await handle(new Request("http://h/ai/threads"));
    expect(seen).toEqual([
      ["203.0.113.7", "/ai/threads?limit=1"],
      [undefined, "/ai/threads"],
    ]);
  });
});

it("Hono has routes of its own beside Sluice's, and WebSockets on its server", async () => {
  const sluice = embedded(new SteppedModel({ always: ["Hello"] }));
  const handle = toFetchHandler(sluice);
  const app = new Hono();
  app.get("/own", (context) => context.text("mine"));
  app.all("/ai/*", (context) => handle(context.req.raw, { remoteAddress: getConnInfo(context).remote.address }));
  const server = await new Promise<ServerType>((listening) => {
    const made = serve({ fetch: app.fetch, port: 0, hostname: "127.0.0.1" }, () => listening(made));
  });
  closing.push(async () => {
    const closed = once(server, "close");
    server.close();
    if ("closeAllConnections" in server) server.closeAllConnections();
    await closed;
  });
  sluice.attach(server as Parameters<Sluice["attach"]>[0]);
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;

  expect(await (await fetch(`${url}/own`)).text()).toBe("mine");
  await verifyRun(await (await postRun(url, userInput("hi"), "/ai/agui")).done);
  const client = await connect(`${url.replace("http", "ws")}/ai/ws`);
  client.send("hi");
  await verifyRun(eventsOf(await client.until(isType("RUN_FINISHED", "RUN_ERROR"))));
  await client.close();
});

it("a client of Hono that hangs up ends its run", async () => {
  const model = new SteppedModel().say("Hello");
  const { sluice, cancelled } = reporting(model);
  const handle = toFetchHandler(sluice);
  const server = await new Promise<ServerType>((listening) => {
    const made = serve({ fetch: (request) => handle(request), port: 0, hostname: "127.0.0.1" }, () => listening(made));
  });
  closing.push(() => server.close());
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const run = await postRun(url, userInput("hi"), "/ai/agui");
  await run.until(EventType.TEXT_MESSAGE_CONTENT);
  run.abort();
  await cancelled();
});
