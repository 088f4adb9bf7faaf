/** Sluice embedded in an app: what it serves, and what it leaves to the app. */
import { type IncomingMessage, Server } from "node:http";
import { join } from "node:path";
import type { Duplex } from "node:stream";
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import express, { type Express } from "express";
import { createAgent } from "langchain";
import { afterEach, describe, expect, it, vi } from "vitest";
import { WebSocketServer } from "ws";
import { createSluice, type Sluice, type SluiceOptions } from "../../src/app/sluice.ts";
import { temporaryFolder } from "../support/folder.ts";
import { type Host, startHost } from "../support/host.ts";
import { handshake, rawSocket, refusal } from "../support/raw-socket.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { eventsOf } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType } from "../support/ws-client.ts";

const ended = isType("RUN_FINISHED", "RUN_ERROR");
const hello = () => chatGraph(new SteppedModel({ always: ["Hello"] }));

const open: { close(): Promise<void> }[] = [];
afterEach(async () => {
  for (const { close } of open.splice(0).reverse()) await close();
});

async function host(mount: (app: Express, server: Server) => void): Promise<Host> {
  const started = await startHost(mount);
  open.push(started);
  return started;
}

function embedded(options: Partial<SluiceOptions> = {}): Sluice {
  const sluice = createSluice({ agents: { hello: hello() }, basePath: "/ai", drainSeconds: 0.2, ...options });
  open.push(sluice);
  return sluice;
}

/** An app that has Sluice under `/ai`. */
async function hosting(sluice: Sluice, before: (app: Express, server: Server) => void = () => {}): Promise<Host> {
  return host((app, server) => {
    before(app, server);
    app.use("/ai", sluice.router);
    sluice.attach(server);
  });
}

async function expectRunOverSse({ url }: Host): Promise<void> {
  await verifyRun(await (await postRun(url, userInput("hi"), "/ai/agui")).done);
}

async function expectRunOverWebSocket({ ws }: Host): Promise<void> {
  const client = await connect(`${ws}/ai/ws`);
  client.send("hi");
  await verifyRun(eventsOf(await client.until(ended)));
  await client.close();
}

async function expectEcho(url: string): Promise<void> {
  const client = await connect(url);
  client.send("echo?");
  await client.until((frame) => frame === "echo?");
  await client.close();
}

/** Adds a WebSocket route to the app, with ws. */
function echo(server: Server, path = "/echo"): WebSocketServer {
  const sockets = new WebSocketServer({ server, path });
  sockets.on("connection", (socket) => socket.on("message", (data) => socket.send(data.toString())));
  return sockets;
}

describe("under a base path of an Express app", () => {
  it("answers over SSE, as JSON and over a WebSocket", async () => {
    const app = await hosting(embedded());
    await expectRunOverSse(app);
    await expectRunOverWebSocket(app);
    const body = JSON.stringify({ message: "hi" });
    const headers = { "Content-Type": "application/json" };
    const answer = await fetch(`${app.url}/ai/chat`, { method: "POST", headers, body });
    expect(await answer.json()).toMatchObject({ message: "Hello" });
    expect(await (await fetch(`${app.url}/ai/agui/info`)).json()).toMatchObject({ agents: { hello: {} } });
  });

  it("leaves the app's own routes as they are: headers, origins, bodies, errors", async () => {
    const bare = await host(() => {});
    const sluice = embedded({ basePath: "/", maxBodyBytes: 1_024 });
    const app = await host((express) => void express.use(sluice.router)); // At the root it gets all requests.
    const large = { method: "POST", body: `{"a":"${"x".repeat(2_000)}"}`, headers: { Origin: "https://evil.example" } };
    for (const [path, init] of [
      ["/", {}],
      ["/own", {}],
      ["/own", large],
      ["/nothing", large],
      ["/nothing", { method: "OPTIONS", headers: { Origin: "https://evil.example" } }],
    ] as const) {
      const [here, there] = await Promise.all([app, bare].map(({ url }) => fetch(url + path, init)));
      expect([path, sent(here)]).toEqual([path, sent(there)]);
      expect(await here?.text()).toBe(await there?.text());
    }
    expect((await fetch(`${app.url}/agui/nothing`)).status).toBe(404);
    const refused = await fetch(`${app.url}/threads`, { headers: { Origin: "https://evil.example" } });
    expect(refused.status).toBe(403);
  });

  it("takes a body that the app has parsed already", async () => {
    await expectRunOverSse(await hosting(embedded(), (app) => app.use(express.json())));
  });

  it("answers what is wrong with a body in JSON", async () => {
    const app = await hosting(embedded({ maxBodyBytes: 1_024 }));
    for (const [body, status, code] of [
      ["{", 400, "bad_request"],
      [JSON.stringify({ message: "x".repeat(2_000) }), 413, "payload_too_large"],
    ] as const) {
      const headers = { "Content-Type": "application/json" };
      const response = await fetch(`${app.url}/ai/chat`, { method: "POST", headers, body });
      expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }]);
    }
  });

  it("says so when the router is mounted elsewhere than WebSockets are looked for", async () => {
    const app = await hosting(embedded({ basePath: "/other" }));
    const warn = vi.spyOn(process, "emitWarning").mockImplementation(() => {});
    for (const _ of ["once", "and no more"]) await fetch(`${app.url}/ai/agui/info`);
    expect(warn.mock.calls).toEqual([
      [
        'The router is mounted at "/ai", but WebSockets are at "/other/ws": set basePath to the same path.',
        "SluiceWarning",
      ],
    ]);
    warn.mockRestore();
  });

  it("shows the playground only where it is asked for", async () => {
    const app = await hosting(embedded());
    const response = await fetch(`${app.url}/ai/`, { headers: { Accept: "text/html" } });
    expect([response.status, response.headers.get("content-security-policy")]).toEqual([
      404,
      "default-src 'none'", // Express's own, of its own 404.
    ]);
  });
});

/** The status and headers of an answer. */
function sent(response: Response | undefined): object {
  const { date: _, ...headers } = Object.fromEntries(response?.headers ?? []);
  return { status: response?.status, headers };
}

describe("who may come in", () => {
  it("HTTP passes the app's own middleware; a WebSocket is held against authorize, as HTTP is", async () => {
    const asked: string[] = [];
    const authorize = async ({ url = "", headers }: IncomingMessage) => {
      asked.push(url);
      return headers.authorization === "Bearer good";
    };
    const app = await hosting(embedded({ authorize }));
    const good = { Authorization: "Bearer good" };
    expect((await fetch(`${app.url}/ai/threads`)).status).toBe(401);
    expect((await fetch(`${app.url}/ai/threads`, { headers: good })).status).toBe(200);
    expect(await refusal(`${app.url}/ai/ws`)).toMatchObject({ status: 401, error: { code: "unauthorized" } });
    const client = await connect(`${app.ws}/ai/ws?thread=T`, { headers: good });
    client.send("hi");
    await verifyRun(eventsOf(await client.until(ended)));
    await client.close();
    expect(asked).toEqual(["/ai/threads", "/ai/threads", "/ai/ws", "/ai/ws?thread=T"]);
    const preflight = { Origin: app.url, "Access-Control-Request-Method": "POST" };
    const allowed = await fetch(`${app.url}/ai/agui`, { method: "OPTIONS", headers: preflight });
    expect([allowed.status, allowed.headers.get("access-control-allow-origin")]).toEqual([204, app.url]);
  });

  it("authorize sees the whole request, as the app's own middleware left it", async () => {
    const seen: unknown[] = [];
    const authorize = (request: IncomingMessage & { user?: string }) => {
      const { method, url, headers, user } = request;
      seen.push({ method, url, cookie: headers.cookie, user, from: request.socket.remoteAddress });
      return true;
    };
    const app = await hosting(embedded({ authorize }), (app) => {
      app.use((request, _response, next) => {
        Object.assign(request, { user: "Ann" });
        next();
      });
    });
    const headers = { "Content-Type": "application/json", Cookie: "session=1", Origin: app.url };
    const body = JSON.stringify({ message: "hi" });
    expect((await fetch(`${app.url}/ai/chat?a=b`, { method: "POST", headers, body })).status).toBe(200);
    const from = expect.stringContaining("127.0.0.1");
    expect(seen).toEqual([{ method: "POST", url: "/ai/chat?a=b", cookie: "session=1", user: "Ann", from }]);
  });

  it("a cookie alone changes nothing: a write has to name its Origin, unless authorize is shown no cookies", async () => {
    const seen: unknown[] = [];
    const authorize = ({ headers }: IncomingMessage) => {
      seen.push(headers.cookie);
      return true;
    };
    const write = { method: "POST", headers: { "Content-Type": "application/json", Cookie: "session=1" } };
    const body = JSON.stringify({ message: "hi" });
    const reading = await hosting(embedded({ authorize }));
    expect((await fetch(`${reading.url}/ai/chat`, { ...write, body })).status).toBe(403);
    expect((await fetch(`${reading.url}/ai/threads`, { headers: write.headers })).status).toBe(200);
    const blind = await hosting(embedded({ authorize, cookies: false, allowedOrigins: ["*"] }));
    expect((await fetch(`${blind.url}/ai/chat`, { ...write, body })).status).toBe(200);
    expect(seen).toEqual(["session=1", undefined]);
    expect(() => embedded({ authorize, allowedOrigins: ["*"] })).toThrow(/allowedOrigins/);
    expect(() => embedded({ authorize: "yes" as never })).toThrow(/a function/);
  });

  it("an identity owns its threads; what is no lawful answer lets nobody in", async () => {
    const answers: Record<string, unknown> = {
      ann: { id: "ann" },
      bob: { id: "bob", scopes: ["watch"] },
      anyone: true,
      nothing: undefined,
      text: "ann",
      unnamed: { id: "" },
      unlawful: { id: "ann", scopes: ["everything"] },
      extra: { id: "ann", admin: true },
    };
    const authorize = ({ headers }: IncomingMessage) => answers[String(headers.authorization)] as never;
    const app = await hosting(embedded({ authorize }));
    const ask = (who: string, path: string, body?: object) =>
      fetch(`${app.url}/ai${path}`, {
        headers: { "Content-Type": "application/json", Authorization: who },
        ...(body ? { method: "POST", body: JSON.stringify(body) } : {}),
      });
    expect((await ask("ann", "/chat", { message: "hi", threadId: "t" })).status).toBe(200);
    expect((await ask("anyone", "/chat", { message: "hi", threadId: "t" })).status).toBe(200);
    expect((await ask("bob", "/chat", { message: "hi", threadId: "t" })).status).toBe(403);
    expect((await ask("bob", "/threads/t")).status).toBe(404);
    for (const who of ["nothing", "text", "unnamed", "unlawful", "extra"]) {
      expect([who, (await ask(who, "/threads")).status]).toEqual([who, 401]);
    }
  });

  it("clients without a name share their threads", async () => {
    const authorize = ({ headers }: IncomingMessage) => ["ann", "bob"].includes(String(headers.authorization));
    const app = await hosting(embedded({ authorize }));
    const headers = { "Content-Type": "application/json", Authorization: "ann" };
    const body = JSON.stringify({ message: "hi", threadId: "anns" });
    await fetch(`${app.url}/ai/chat`, { method: "POST", headers, body });
    const listed = await fetch(`${app.url}/ai/threads`, { headers: { Authorization: "bob" } });
    expect(await listed.json()).toMatchObject({ threads: [{ threadId: "anns" }] });
  });

  it("an authorize that fails lets nobody in, and the app hears why", async () => {
    const sent: object[] = [];
    const logger = { debug() {}, info() {}, warn() {}, error: (fields: object) => void sent.push(fields) };
    const authorize = () => Promise.reject(new Error("The session store is gone."));
    const app = await hosting(embedded({ authorize, logger }));
    expect((await fetch(`${app.url}/ai/threads`)).status).toBe(500);
    expect(await refusal(`${app.url}/ai/ws`)).toMatchObject({ status: 500, error: { code: "internal" } });
    expect(sent).toMatchObject([
      { err: { message: "The session store is gone." } },
      { err: { message: "The session store is gone." } },
    ]);
  });

  it("the app's own pages always may, whatever its name; pages of this machine unless set otherwise", async () => {
    const own = { Host: "app.example", Origin: "https://app.example" };
    const local = { Origin: "http://localhost:5173" };
    const foreign = { Host: "app.example", Origin: "https://app.example.evil.example" };
    const lenient = await hosting(embedded());
    const strict = await hosting(embedded({ allowedOrigins: [] }));
    expect(await status(lenient, own)).toEqual([101, 200]);
    expect(await status(lenient, local)).toEqual([101, 200]);
    expect(await status(lenient, foreign)).toEqual([403, 403]);
    expect(await status(strict, own)).toEqual([101, 200]);
    expect(await status(strict, local)).toEqual([403, 403]);
  });

  /** The answers to a WebSocket and to a request with these headers. */
  async function status({ url }: Host, headers: Record<string, string>): Promise<number[]> {
    const requests = [
      handshake(`${url}/ai/ws`, headers),
      handshake(`${url}/ai/threads`, { ...headers, Connection: "close", Upgrade: "" }),
    ];
    return Promise.all(
      requests.map(async (request) => {
        const raw = await rawSocket(url);
        raw.socket.write(request);
        const received = await raw.until((text) => text.includes("\r\n\r\n"));
        raw.socket.destroy();
        return Number(/^HTTP\/1\.1 (\d+)/.exec(received)?.[1]);
      }),
    );
  }
});

describe("beside other upgrades", () => {
  it.each(["before", "after"])(
    "a WebSocketServer of ws on the same server, made %s it, and it both serve",
    async (when) => {
      const sluice = embedded();
      const app = await host((express, server) => {
        // Alone, this server refuses every upgrade except its own.
        if (when === "before") echo(server);
        express.use("/ai", sluice.router);
        sluice.attach(server);
        if (when === "after") echo(server);
      });
      await expectRunOverWebSocket(app);
      await expectEcho(`${app.ws}/echo`);
      await expectRunOverWebSocket(app);
    },
  );

  it("an upgrade that is not its own is left alone, with everything that came with it", async () => {
    const app = await hosting(embedded());
    const taken: [string | undefined, Duplex][] = [];
    app.server.on("upgrade", ({ url }: IncomingMessage, socket: Duplex) => taken.push([url, socket]));
    for (const path of ["/other", "/ai", "/ai/ws/", "/ai/wsx", "/AI/ws", "//"]) {
      const raw = await rawSocket(app.url);
      raw.socket.write(handshake(`${app.url}/x`).replace("GET /x ", `GET ${path} `));
      while (taken.length === 0) await new Promise((resolve) => setImmediate(resolve));
      const [[url, socket] = []] = taken.splice(0);
      expect([url, socket?.listenerCount("error"), socket?.destroyed]).toEqual([path, 0, false]);
      socket?.end("mine");
      expect(await raw.closed).toBe("mine");
    }
    expect(await refusal(`${app.url}/ai/ws?format=none`)).toMatchObject({ status: 400 });
    expect(taken).toEqual([]);
  });

  it("where nobody else listens, other upgrades are answered and not left open", async () => {
    const app = await hosting(embedded());
    open.push(await second(app));
    expect(await refusal(`${app.url}/other`)).toMatchObject({ status: 404, error: { code: "not_found" } });
    await expectRunOverWebSocket(app);
  });

  /** Another Sluice on the same server. */
  async function second({ server }: Host): Promise<Sluice> {
    const sluice = embedded({ basePath: "/second" });
    sluice.attach(server);
    return sluice;
  }

  it("attaching again to a server changes nothing; another server is served as well", async () => {
    const sluice = embedded();
    const [one, two] = [await hosting(sluice), await hosting(sluice)];
    sluice.attach(one.server);
    expect(one.server.listenerCount("upgrade")).toBe(1);
    await expectRunOverWebSocket(one);
    await expectRunOverWebSocket(two);
  });
});

describe("close()", () => {
  it("lets a run finish, and leaves the app as it was", async () => {
    const model = new SteppedModel();
    const sluice = createSluice({ agents: { stepped: chatGraph(model) }, basePath: "/ai", drainSeconds: 10 });
    const app = await hosting(sluice, (_, server) => void echo(server));
    const listeners = app.server.listeners("upgrade").length;
    const client = await connect(`${app.ws}/ai/ws`);
    const own = await connect(`${app.ws}/echo`);
    client.send("hi");
    await client.until(isType("RUN_STARTED"));
    const closing = sluice.close();
    const late = await fetch(`${app.url}/ai/agui`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify(userInput("too late")),
    });
    expect([late.status, await late.json()]).toMatchObject([503, { error: { code: "draining" } }]);
    expect(await refusal(`${app.url}/ai/ws`)).toMatchObject({ status: 503, error: { code: "draining" } });
    model.say("Done").end();
    await verifyRun(eventsOf(await client.until(ended)));
    expect(await client.closed).toMatchObject({ code: 1012 });
    await closing;
    expect(sluice.close()).toBe(closing);

    own.send("still there?");
    await own.until((frame) => frame === "still there?");
    await own.close();
    expect(await (await fetch(`${app.url}/own`)).text()).toBe("mine");
    expect(app.server.listeners("upgrade")).toHaveLength(listeners - 1);
    expect(app.server.emit).toBe(Server.prototype.emit);
    const next = embedded();
    next.attach(app.server);
    await expectRunOverWebSocket(app);
  });

  it("ends watches over SSE, so that the app's server can close too", async () => {
    const sluice = embedded();
    const app = await hosting(sluice);
    const watch = await fetch(`${app.url}/ai/threads/T/events`);
    expect(watch.status).toBe(200);
    await sluice.close();
    expect(await watch.text()).toContain("RUN_FINISHED");
    const late = await fetch(`${app.url}/ai/threads/T/events`);
    expect([late.status, await late.json()]).toMatchObject([503, { error: { code: "draining" } }]);
  });

  it("ends what runs on after drainSeconds", async () => {
    const sluice = embedded({ agents: { stepped: chatGraph(new SteppedModel()) }, drainSeconds: 0.05 });
    const { result } = await sluice.runs.start({ messages: userInput("hi").messages });
    await sluice.close();
    await expect(result).rejects.toMatchObject({ code: "draining" });
  });
});

describe("what is kept", () => {
  /** A graph that replies with the number of messages on the thread, including its reply. */
  const counting = () =>
    new StateGraph(MessagesAnnotation)
      .addNode("count", ({ messages }) => ({ messages: [{ role: "ai", content: `${messages.length}` }] }))
      .addEdge(START, "count")
      .addEdge("count", END);

  const folder = temporaryFolder();

  it("threads are kept in dataDir, and in memory without", async () => {
    const dataDir = join(folder, "threads");
    const say = async (options: Partial<SluiceOptions>) => {
      const sluice = embedded(options);
      const app = await hosting(sluice);
      await expectRunOverSse(app);
      const { threads } = (await (await fetch(`${app.url}/ai/threads`)).json()) as { threads: unknown[] };
      await sluice.close();
      return threads.length;
    };
    expect([await say({ dataDir }), await say({ dataDir })]).toEqual([1, 2]);
    expect([await say({}), await say({})]).toEqual([1, 1]);
  });

  it("what a graph remembers that has no checkpointer is kept with them", async () => {
    const graph = counting().compile(); // The same graph for each Sluice, one after the other.
    const say = async (options: Partial<SluiceOptions>) => {
      const sluice = embedded({ agents: { counting: graph }, ...options });
      const counts: unknown[] = [];
      for (const _ of ["one", "two"]) {
        const { result } = await sluice.runs.start({ threadId: "T", messages: userInput("hi").messages });
        counts.push((await result).messages[0]?.content);
      }
      await sluice.close();
      return counts.join();
    };
    const dataDir = join(folder, "remembered");
    expect([await say({ dataDir }), await say({ dataDir })]).toEqual(["1,3", "5,7"]);
    expect([await say({}), await say({})]).toEqual(["1,3", "1,3"]);
  });

  it("no file is held when an option is wrong", async () => {
    const dataDir = join(folder, "let-go");
    expect(() => embedded({ dataDir, agents: { a: {} as never } })).toThrow("not a graph");
    await embedded({ dataDir }).close();
  });
});

describe("runs", () => {
  it("are started, found, seen by clients and cancelled by the app", async () => {
    const model = new SteppedModel();
    const sluice = embedded({ agents: { hello: hello(), stepped: chatGraph(model) }, orphanGraceSeconds: 0.05 });
    const app = await hosting(sluice);
    const { messages } = userInput("hi");
    const run = await sluice.runs.start({ agent: "stepped", threadId: "T", messages });
    expect(await sluice.runs.active("T")).toEqual({ agent: "stepped", threadId: "T", runId: run.runId });
    expect(await sluice.runs.activeCount()).toBe(1);
    await expect(sluice.runs.start({ threadId: "T", messages })).rejects.toMatchObject({ code: "thread_busy" });
    model.say("Hello").end();
    expect(await run.result).toMatchObject({ outcome: "success", messages: [{ role: "assistant", content: "Hello" }] });
    const sent = await (await fetch(`${app.url}/ai/threads/T/messages`)).json();
    expect(sent).toMatchObject({ messages: [{ content: "hi" }, { content: "Hello" }] });

    const other = await sluice.runs.start({ agent: "stepped", messages });
    expect(await sluice.runs.cancel(other.threadId)).toBe(true);
    expect(await other.result).toMatchObject({ outcome: "cancelled" });
    expect(await sluice.runs.cancel(other.threadId)).toBe(false);
    expect(await sluice.runs.active(other.threadId)).toBeUndefined();
  });

  it("are refused with the field that is wrong", async () => {
    const { runs } = embedded();
    await expect(runs.start({ messages: [{}] as never })).rejects.toThrow("RunAgentInput, field messages.0");
    await expect(runs.start({ agent: "nobody", messages: [] })).rejects.toThrow('There is no agent "nobody".');
  });
});

describe("options", () => {
  it("graphs may be compiled or not, or agents of createAgent()", async () => {
    const model = new SteppedModel({ always: ["Hello"] });
    const agents = { compiled: hello(), builder: hello().builder, agent: createAgent({ model, tools: [] }) };
    const { runs } = embedded({ agents: { ...agents, entry: { graph: agents.agent } } });
    for (const agent of ["compiled", "builder", "agent", "entry"]) {
      const { result } = await runs.start({ agent, messages: userInput("hi").messages });
      expect([agent, await result]).toMatchObject([agent, { messages: [{ content: "Hello" }] }]);
    }
  });

  it("agents say in code what they say in agents.json", async () => {
    const quiet = { graph: hello(), description: "Says hello.", nodes: { chat: { messages: false } } };
    const sluice = embedded({
      agents: { quiet, filtered: { graph: hello(), filter: "none" } },
      filters: { none: { events: [] } },
    });
    const app = await hosting(sluice);
    const info = await (await fetch(`${app.url}/ai/agui/info`)).json();
    expect(info).toMatchObject({ agents: { quiet: { description: "Says hello." } } });
    for (const agent of ["quiet", "filtered"]) {
      const { result } = await sluice.runs.start({ agent, messages: userInput("hi").messages });
      expect(await result).toMatchObject({ messages: [] });
    }
  });

  it.each<[string, object, RegExp]>([
    ["no agents", {}, /^createSluice, agents: name at least one agent\.$/],
    ["agents that are none", { agents: null }, /^createSluice, agents: name at least one agent\.$/],
    ["an agent without a graph", { agents: { a: {} } }, /^createSluice, agents\.a\.graph is an object, not a graph\.$/],
    ["an agent that is nothing", { agents: { a: null } }, /^createSluice, agents\.a\.graph is null, not a graph\.$/],
    ["a file", { agents: { a: { graph: "./a.js" } } }, /^createSluice, agents\.a\.graph is a string, not a graph\.$/],
    ["an agent's name", { agents: { "a b": hello() } }, /^createSluice, agents\.a b: an agent's name is letters/],
    [
      "an agent's field",
      { agents: { a: { graph: hello(), deadlines: { idleSeconds: "1" } } } },
      /^createSluice, agents\.a\.deadlines\.idleSeconds: /,
    ],
    ["a field nobody knows", { agents: { a: { graph: hello(), tools: [] } } }, /^createSluice, agents\.a: .*"tools"/],
    ["a filter", { agents: { a: { graph: hello(), filter: "x" } } }, /^createSluice, agents\.a\.filter: there is no/],
    ["a list of filters", { filters: { f: { events: ["x"] } } }, /^createSluice, filters\.f\.events: unknown event/],
    [
      "a number",
      { maxBodyBytes: 0 },
      /^maxBodyBytes="0" is not valid: expected a whole number from 1024 to 1073741824\.$/,
    ],
    ["a number that is a word", { drainSeconds: "long" }, /^drainSeconds="long" is not valid: expected a number from/],
    ["an event", { streamAllowedEvents: ["on_tool"] }, /^streamAllowedEvents="on_tool" is not valid: unknown event/],
    [
      "an origin",
      { allowedOrigins: ["example.com"] },
      /^allowedOrigins="example\.com" is not valid: "example\.com" is/,
    ],
    ["an option nobody knows", { port: 8123 }, /^There is no option "port"\. Settings: streamVersion, /],
    ["a base path", { basePath: "ai" }, /^basePath="ai" is not valid\. Use a path such as "\/ai"\.$/],
    ["two storages", { dataDir: "x", store: {} }, /^Set only one of dataDir and store\.$/],
    ["a folder", { dataDir: "/dev/null/x" }, /^dataDir="\/dev\/null\/x": \S+ cannot be opened: .*$/],
  ])("%s that is wrong is named in one line", (_, options, message) => {
    const agents = "agents" in options || Object.keys(options).length === 0 ? {} : { agents: { hello: hello() } };
    expect(() => createSluice({ ...agents, ...options } as SluiceOptions)).toThrow(
      expect.objectContaining({ name: "ConfigError", message: expect.stringMatching(message) }),
    );
  });
});
