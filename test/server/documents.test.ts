/** The machine-readable documents: they list all routes and messages, and match what is sent. */
import { randomUUID } from "node:crypto";
import { Router } from "express";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { z } from "zod";
import { asyncApi } from "../../src/server/documents/asyncapi.ts";
import { openApi, operationsOf } from "../../src/server/documents/openapi.ts";
import { OPERATIONS, type Operation } from "../../src/server/documents/operations.ts";
import { SHAPES, type ShapeName } from "../../src/server/documents/schemas.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connect } from "../support/ws-client.ts";

const METRICS_TOKEN = "a-token-for-metrics-alone";
const ALL_DOORS = { langGraphApi: true, aiSdkApi: true };
/** A route that people read, and no program. */
const GREETING = "get /";

let sluice: TestSluice;
/** The parts that Express was given: routes, and routers with the path they lie under. */
const routes = new Map<object, [method: string, path: string][]>();
const below = new Map<object, [path: string, child: object][]>();

beforeAll(async () => {
  const { route, use } = Router.prototype as Record<"route" | "use", (...args: unknown[]) => Record<string, unknown>>;
  Object.assign(Router.prototype, {
    route(this: object, ...args: unknown[]) {
      const made = route.apply(this, args);
      const known = routes.get(this) ?? [];
      routes.set(this, known);
      for (const method of ["get", "post", "delete", "put", "patch"]) {
        const add = made[method] as (...handlers: unknown[]) => unknown;
        made[method] = (...handlers: unknown[]) => {
          known.push([method, String(args[0])]);
          return add.apply(made, handlers);
        };
      }
      return made;
    },
    use(this: object, ...args: unknown[]) {
      const path = typeof args[0] === "string" && args[0] !== "/" ? args[0] : "";
      for (const child of args.flat())
        if (typeof child === "function") below.set(this, [...(below.get(this) ?? []), [path, child]]);
      return use.apply(this, args);
    },
  });
  const steady = new SteppedModel({ always: ["Hel", "lo"] });
  sluice = await startSluice(
    { steady: { graph: chatGraph(steady) } },
    { METRICS_TOKEN, LANGGRAPH_API: "true", AI_SDK_API: "true" },
  );
  Object.assign(Router.prototype, { route, use });
});
afterAll(() => sluice.close());

/** The routes below a router, as documents write them. */
function routesOf(router: object, prefix = ""): string[] {
  const own = (routes.get(router) ?? []).map(([method, path]) => {
    const whole = `${prefix}${path}`.replace(/:(\w+)/g, "{$1}");
    return `${method} ${whole.length > 1 ? whole.replace(/\/$/, "") : whole}`;
  });
  return [...own, ...(below.get(router) ?? []).flatMap(([path, child]) => routesOf(child, `${prefix}${path}`))];
}

describe("openapi.json", () => {
  it("is served, and names every route there is", async () => {
    const served = await (await fetch(`${sluice.url}/openapi.json`)).json();
    expect(served).toEqual(JSON.parse(JSON.stringify(openApi("test", ALL_DOORS))));
    const children = new Set([...below.values()].flat().map(([, child]) => child));
    const roots = [...below.keys()].filter((router) => !children.has(router));
    const there = roots.flatMap((root) => routesOf(root)).filter((route) => route !== GREETING);
    expect(there.length).toBeGreaterThan(10);
    expect(new Set(operationsOf(ALL_DOORS).map(({ method, path }) => `${method} ${path}`))).toEqual(new Set(there));
  });

  it("is named by the greeting with every other route that is served", async () => {
    const greeting = await (await fetch(sluice.url, { headers: { accept: "text/plain" } })).text();
    const isServed = ({ path, answers }: Operation) => path !== "/metrics" && !("501" in answers);
    for (const { path } of OPERATIONS.filter(isServed)) {
      expect(greeting).toMatch(new RegExp(`${path.replace(/\{(\w+?)(?:Id)?\}/g, ":$1").replaceAll(".", "\\.")}\\b`));
    }
  });

  it("has no reference that leads nowhere, and no name twice", () => {
    const document = openApi("test", ALL_DOORS) as Record<string, unknown>;
    expect(danglingIn(document)).toEqual([]);
    const ids = JSON.stringify(document).match(/"operationId":"[^"]+"/g) ?? [];
    expect(new Set(ids).size).toBe(operationsOf(ALL_DOORS).length);
  });

  describe("what is answered has the shape that it says", () => {
    let threadId: string;
    let shareId: string;
    let secret: string;

    const bodies: Partial<Record<ShapeName, () => object>> = {
      RunAgentInput: () => userInput("hi", { threadId }),
      Suggest: () => userInput("hi", { threadId: randomUUID() }),
      Connect: () => ({ threadId }),
      ChatQuestion: () => ({ message: "hi" }),
      NewShare: () => ({}),
      ShareSecret: () => ({ secret }),
    };

    async function ask({ method, path, body }: Operation, headers: Record<string, string> = {}, more = {}) {
      const url = `${sluice.url}${path.replace("{agent}", "steady").replace("{threadId}", threadId).replace("{share}", shareId)}${method === "get" && path.startsWith("/agui") ? `?threadId=${threadId}` : ""}`;
      const sent = body ? JSON.stringify({ ...bodies[body]?.(), ...more }) : undefined;
      const type: Record<string, string> = sent === undefined ? {} : { "content-type": "application/json" };
      return fetch(url, {
        method: method.toUpperCase(),
        headers: { ...type, ...headers },
        ...(sent ? { body: sent } : {}),
      });
    }

    const at = (method: string, path: string) =>
      OPERATIONS.find((each) => each.method === method && each.path === path) as Operation;

    /** A thread that is there, with one answer. */
    async function withThread() {
      threadId = randomUUID();
      await (await ask(at("post", "/agui"))).text();
      const shared = await ask(at("post", "/threads/{threadId}/shares"));
      ({ share: shareId, secret } = (await shared.json()) as { share: string; secret: string });
    }

    it.each(OPERATIONS.filter(({ path, method }) => path !== "/ws" && !(method === "post" && path.includes("/stop/"))))(
      "$method $path",
      async (operation) => {
        await withThread();
        const watching = operation.path.endsWith("/events");
        const response = await ask(operation, { authorization: `Bearer ${METRICS_TOKEN}` }, { runId: randomUUID() });
        const answer = operation.answers[response.status];
        if (!answer) throw new Error(`${response.status} is not documented: ${await response.text()}`);
        const type = response.headers.get("content-type") ?? "";
        if (type.startsWith("text/event-stream") && answer.stream) {
          const events = watching ? await firstEvents(response) : eventsIn(await response.text());
          expect(events.length).toBeGreaterThan(2);
          for (const event of events) expectShape(answer.stream, event);
        } else if (answer.json) expectShape(answer.json, await response.json());
        else if (answer.text) expect(type).toContain(answer.text);
        else expect(await response.text()).toBe("");
      },
    );

    it("a run as JSON, in the background, and cancelled", async () => {
      await withThread();
      const run = at("post", "/agui");
      const json = await ask(run, { accept: "application/json" }, { runId: randomUUID() });
      expectShape("Result", await json.json());
      const accepted = await ask(run, { prefer: "respond-async" }, { runId: randomUUID(), threadId: randomUUID() });
      expect(accepted.status).toBe(202);
      expectShape("Accepted", await accepted.json());
      const stop = await ask(at("post", "/agui/agent/{agent}/stop/{threadId}"));
      expect(stop.status).toBe(404);
      expectShape("Error", await stop.json());
    });

    it("a request without an upgrade to /ws", async () => {
      const response = await ask(at("get", "/ws"));
      expect(response.status).toBe(426);
      expectShape("Error", await response.json());
    });

    it.each(OPERATIONS.filter(({ query }) => query))(
      "$method $path takes the parameters that it says",
      async (operation) => {
        await withThread();
        const response = await fetch(
          `${sluice.url}${operation.path.replace("{agent}", "steady").replace("{threadId}", threadId)}?limit=none&tokens=maybe&owner=x`,
          {
            method: operation.method.toUpperCase(),
            ...(operation.body ? { body: "{}", headers: { "content-type": "application/json" } } : {}),
          },
        );
        expect([400, 403, 426]).toContain(response.status);
        expectShape("Error", await response.json());
      },
    );
  });
});

describe("asyncapi.json", () => {
  it("is served, and has no reference that leads nowhere", async () => {
    const served = (await (await fetch(`${sluice.url}/asyncapi.json`)).json()) as Record<string, unknown>;
    expect(served).toEqual(JSON.parse(JSON.stringify(asyncApi("test", ALL_DOORS))));
    expect(danglingIn(served)).toEqual([]);
  });

  it("names every frame: each from a client is answered by one that it says", async () => {
    const threadId = randomUUID();
    const topic = `thread:${threadId}`;
    const examples: Record<string, object> = {
      run: { input: userInput("hi", { threadId }) },
      subscribe: { topic },
      unsubscribe: { topic },
      inject: { threadId, message: "And now?" },
      cancel: { threadId },
      stats: { topic },
      auth: { token: "any" },
      ping: {},
    };
    const shapes = SHAPES.ClientFrame.options.map(
      (option) => (option.shape.type as unknown as z.ZodLiteral<string>).value,
    );
    expect(Object.keys(examples)).toEqual(shapes);
    const socket = await connect(`${sluice.ws}/ws`, {}, ["sluice.v1"]);
    for (const [type, members] of Object.entries(examples)) {
      expectShape("ClientFrame", { type, id: type, ...members });
      socket.send({ type, id: type, ...members });
      await socket.until((message) => (JSON.parse(message) as { id?: string }).id === type);
    }
    socket.send({ type: "no such frame", id: "strange" });
    await socket.until((message) => (JSON.parse(message) as { id?: string }).id === "strange");
    for (const message of socket.frames) expectShape("ServerFrame", JSON.parse(message));
    await socket.close();
  });
});

function expectShape(name: ShapeName, value: unknown): void {
  const schema: z.ZodType = SHAPES[name];
  const parsed = schema.safeParse(value);
  if (!parsed.success) throw new Error(`no ${name} (${parsed.error.message}): ${JSON.stringify(value).slice(0, 300)}`);
}

function eventsIn(text: string): unknown[] {
  return [...text.matchAll(/^data: (.+)$/gm)].map(([, json = ""]) => JSON.parse(json) as unknown);
}

/** Reads a watch until its first terminal event, because a watch never ends. */
async function firstEvents({ body }: Response): Promise<unknown[]> {
  let text = "";
  for await (const bytes of body as unknown as AsyncIterable<Uint8Array>) {
    text += new TextDecoder().decode(bytes);
    if (/"RUN_FINISHED"[^\n]*\n/.test(text)) break;
  }
  return eventsIn(text);
}

/** References of a document to places in itself that are not there. */
function danglingIn(document: Record<string, unknown>): string[] {
  const refs = [...JSON.stringify(document).matchAll(/"\$ref":"#\/([^"]+)"/g)].map(([, path = ""]) => path);
  expect(refs.length).toBeGreaterThan(10);
  return [...new Set(refs)].filter((path) => {
    const found = path
      .split("/")
      .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], document);
    return found === undefined;
  });
}
