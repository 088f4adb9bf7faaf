/** Graphs receive `runtime.context` and LangGraph's `store` in addition to a run's input. */

import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  InMemoryStore,
  type LangGraphRunnableConfig,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { createAgent, dynamicSystemPromptMiddleware } from "langchain";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { createSluice, type SluiceOptions } from "../../src/app/sluice.ts";
import type { RunAgentInput } from "../../src/protocol/events.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startHost } from "../support/host.ts";
import { postRun, textOf, userInput } from "../support/sse-client.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { connect, isType } from "../support/ws-client.ts";

type Config = LangGraphRunnableConfig<Record<string, unknown>>;

/** A graph of one node that replies with the result of `look`. */
function looking(look: (config: Config, said: string) => unknown) {
  return new StateGraph(MessagesAnnotation)
    .addNode("look", async ({ messages }, config) => ({
      messages: [new AIMessage(JSON.stringify((await look(config as Config, messages.at(-1)?.text ?? "")) ?? null))],
    }))
    .addEdge(START, "look");
}

const seesContext = () => looking(({ context }) => context);

/** A graph that stores each message, and replies with all stored messages. */
const keeps = () =>
  looking(async ({ store }, said) => {
    await store?.put(["heard"], said, { said });
    return (await store?.search([]))?.map(({ key }) => key);
  });

const open: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of open.splice(0).reverse()) await close();
});

async function serving(agents: SluiceOptions["agents"], options: Partial<SluiceOptions> = {}) {
  const sluice = createSluice({ drainSeconds: 0.1, ...options, agents });
  const host = await startHost((app, server) => {
    app.use("/", sluice.router);
    sluice.attach(server);
  });
  let closing: Promise<unknown> | undefined;
  const close = async () => {
    closing ??= sluice.close().then(() => host.close());
    await closing;
  };
  open.push(close);
  return {
    ...host,
    sluice,
    close,
    async ask(agent: string, said = "hi", input: Partial<RunAgentInput> = {}): Promise<unknown> {
      const events = await (await postRun(host.url, userInput(said, input), `/agui/agent/${agent}/run`)).done;
      return JSON.parse(textOf(events)) as unknown;
    },
  };
}

describe("what a client brings for the graph", () => {
  const seesOffered = () => looking(({ configurable }) => configurable?.ag_ui);
  const choose = (toolChoice: unknown) => ({ forwardedProps: { toolChoice } });

  it("is in its configurable: tools, context, and which tool to call", async () => {
    const { ask } = await serving({ a: seesOffered() });
    const tools = [{ name: "paint", description: "Paints.", parameters: {} }];
    const context = [{ description: "page", value: "Invoices" }];
    expect(await ask("a", "hi", { tools, context, ...choose("required") })).toEqual({
      tools,
      context,
      toolChoice: "required",
    });
    const named = { type: "function", function: { name: "paint" } };
    expect(await ask("a", "hi", choose(named))).toEqual({ tools: [], context: [], toolChoice: named });
    expect(await ask("a", "hi", choose(null))).toEqual({ tools: [], context: [] });
    await expect(ask("a", "hi", choose(3))).rejects.toThrow(
      /400.*forwardedProps.toolChoice: must be a text or an object/,
    );
  });
});

it("an agent's name is that of its messages", async () => {
  const agent = createAgent({ model: new SteppedModel({ always: ["Hello"] }), tools: [], name: "critic" });
  const { url } = await serving({ a: agent });
  const events = await (await postRun(url, userInput("hi"), "/agui/agent/a/run")).done;
  expect(events.find(({ type }) => type === "TEXT_MESSAGE_START")).toMatchObject({ name: "critic" });
});

describe("a graph's context", () => {
  it("is what its entry says, in either place", async () => {
    const { ask } = await serving({
      a: { graph: seesContext(), configurable: { user: "Ann", a: 1 }, context: { user: "Bob", b: [2] } },
      plain: seesContext(),
    });
    expect(await ask("a")).toEqual({ user: "Bob", a: 1, b: [2] });
    expect(await ask("plain")).toBeNull();
  });

  it("takes from clients the keys that its entry names, and no others", async () => {
    const { ask } = await serving({
      a: { graph: seesContext(), context: { user: "Ann", locale: "en" }, clientContext: ["locale", "theme"] },
    });
    const sent = { context: { user: "Mallory", locale: "de", toString: "x" } };
    expect(await ask("a", "hi", { forwardedProps: sent })).toEqual({ user: "Ann", locale: "de" });
    await expect(ask("a", "hi", { forwardedProps: { context: "de" } })).rejects.toThrow(/400.*forwardedProps.context/);
  });

  it("is what the app says of a visitor above all, over HTTP and WebSockets", async () => {
    const { ask, ws, sluice } = await serving(
      { a: { graph: seesContext(), context: { user: "nobody", x: 1 }, clientContext: ["user"] } },
      { context: async ({ request }) => (request ? { user: `by ${request.url}` } : { user: "the app" }) },
    );
    const sent = { forwardedProps: { context: { user: "Mallory" } } };
    expect(await ask("a", "hi", sent)).toEqual({ user: "by /agui/agent/a/run", x: 1 });
    const client = await connect(`${ws}/ws?me=1`);
    client.send("hi");
    const text = (await client.until(isType("RUN_FINISHED"))).join();
    expect(text).toContain("by /ws?me=1");
    await client.close();
    const { result } = await sluice.runs.start({ messages: [{ id: "1", role: "user", content: "hi" }] });
    expect(JSON.stringify(await result)).toContain("the app");
  });

  it("has to be plain JSON; the run does not begin otherwise, and the log says why", async () => {
    const logged: string[] = [];
    const logger = {
      debug() {},
      info() {},
      warn() {},
      error: (fields: object) => void logged.push(JSON.stringify(fields)),
    };
    const context = () => ({ when: new Date() });
    const { ask } = await serving({ a: seesContext() }, { context, logger });
    await expect(ask("a")).rejects.toThrow("500");
    expect(logged[0]).toContain("plain JSON");
  });

  it("reaches the middleware of createAgent", async () => {
    const model = new SteppedModel({ always: ['"Hello"'] });
    const agent = createAgent({
      model,
      tools: [],
      contextSchema: z.object({ userName: z.string() }),
      middleware: [
        dynamicSystemPromptMiddleware<{ userName: string }>((_, { context }) => `You talk to ${context.userName}.`),
      ],
    });
    const { ask } = await serving({ a: { graph: agent, context: { userName: "Ann" } } });
    expect(await ask("a")).toBe("Hello");
    expect(model.prompts[0]?.[0]).toBe("You talk to Ann.");
  });
});

describe("a graph's store", () => {
  it("is there without one of its own, and holds its agent's items alone", async () => {
    const { ask, url } = await serving({ a: keeps(), b: keeps() });
    await ask("a", "one");
    expect(await ask("b", "two")).toEqual(["two"]);
    expect(await ask("a", "three")).toEqual(["one", "three"]);
    for (const path of ["/store", "/store/items", "/items"]) expect((await fetch(`${url}${path}`)).status).toBe(404);
  });

  it("is one for all agents that share, and keeps apart those that do not", async () => {
    const shared = () => ({ graph: keeps(), store: "shared" as const });
    const { ask } = await serving({ a: shared(), b: shared(), own: keeps() });
    await ask("own", "mine");
    await ask("a", "one");
    expect(await ask("b", "two")).toEqual(["one", "two"]);
    expect(await ask("own", "more")).toEqual(["mine", "more"]);
  });

  it("is none for an agent that wants none", async () => {
    const found: boolean[] = [];
    const looks = new StateGraph(MessagesAnnotation)
      .addNode("looks", (_, config: LangGraphRunnableConfig) => {
        found.push(config.store !== undefined);
        return { messages: [new AIMessage("[]")] };
      })
      .addEdge(START, "looks");
    const { ask } = await serving({ a: { graph: looks, store: "none" }, b: { graph: looks } });
    await ask("a");
    await ask("b");
    expect(found).toEqual([false, true]);
  });

  it("stays the graph's own where it has one", async () => {
    const store = new InMemoryStore();
    const { ask } = await serving({ a: keeps().compile({ store }), b: keeps() });
    await ask("a", "one");
    expect((await store.get(["heard"], "one"))?.value).toEqual({ said: "one" });
    expect(await ask("b", "two")).toEqual(["two"]);
  });

  it("reaches subgraphs and tools", async () => {
    const note = tool(
      async (_, config: LangGraphRunnableConfig) => {
        await config.store?.put(["notes"], "n", { by: "tool" });
        return "noted";
      },
      { name: "note", description: "n", schema: z.object({}) },
    );
    const model = new SteppedModel().call("note", {}, "c1").end().say("[]").end();
    const outer = new StateGraph(MessagesAnnotation)
      .addNode("inner", keeps().compile())
      .addNode("agent", createAgent({ model, tools: [note] }).graph)
      .addNode("look", async (_, config) => {
        const items = await config.store?.search([]);
        return { messages: [new AIMessage(JSON.stringify(items?.map(({ key }) => key)))] };
      })
      .addEdge(START, "inner")
      .addEdge("inner", "agent")
      .addEdge("agent", "look");
    const { url } = await serving({ a: outer });
    const events = await (await postRun(url, userInput("hello"))).done;
    expect(textOf(events)).toContain('["hello","n"]');
  });

  it("is there after the process, beside the threads", async () => {
    const first = await serving({ a: keeps() }, { dataDir: folder });
    await first.ask("a", "one");
    await first.close();
    const { ask } = await serving({ a: keeps() }, { dataDir: folder });
    expect(await ask("a", "two")).toEqual(["one", "two"]);
  });

  it("says that it has no vector index", async () => {
    const { url } = await serving({ a: looking(({ store }) => store?.search([], { query: "likes" })) });
    const events = await (await postRun(url, userInput("hi"))).done;
    expect(JSON.stringify(events.at(-1))).toContain("no vector index");
  });
});

const folder = temporaryFolder();
