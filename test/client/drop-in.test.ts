/**
 * A `WebSocketAgent` in place of an `HttpAgent`. The test does with both what CopilotKit's runtime and assistant-ui do,
 * each with its own server, and expects the same events and results.
 */
import type { AbstractAgent, AgentSubscriber, BaseEvent, Message, RunAgentInput } from "@ag-ui/client";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import type { SluiceConnection } from "../../src/client/connection.ts";
import type { WebSocketAgentConfig } from "../../src/client/web-socket-agent.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { connection, quick } from "./follow.ts";

type AgentClass<Config> = new (config: Config) => AbstractAgent;
type HttpConfig = { url: string; threadId?: string };

const CALLBACKS = [
  ...["onRunInitialized", "onRunFailed", "onRunFinalized", "onMessagesChanged", "onStateChanged", "onNewMessage"],
  ...["onRunStartedEvent", "onRunFinishedEvent", "onRunErrorEvent", "onNewToolCall", "onTextMessageStartEvent"],
  ...["onTextMessageContentEvent", "onTextMessageEndEvent", "onToolCallStartEvent", "onToolCallArgsEvent"],
  ...["onToolCallEndEvent", "onReasoningMessageContentEvent", "onStepStartedEvent", "onStepFinishedEvent"],
];
/** Short, and no UUID: as assistant-ui makes them. */
const THREAD = "KKZd8fV";
const tools = [{ name: "pick", description: "Picks one.", parameters: { type: "object", properties: {} } }];
const context = [{ description: "system", value: "Be brief." }];

const user = (id: string, content = "hi"): Message => ({ id, role: "user", content });

/** Records everything that an agent reports: the names of the callbacks, without repetitions: deltas may be merged. */
function listener(heard = (_: BaseEvent) => {}) {
  const sent: string[] = [];
  const events: BaseEvent[] = [];
  const note = (name: string) => [name, () => add(sent, name)];
  const subscriber: AgentSubscriber = {
    ...Object.fromEntries(CALLBACKS.map(note)),
    onEvent: ({ event }) => {
      events.push(event);
      heard(event);
    },
  };
  return { sent, events, subscriber };
}

/** Adds a name, unless it repeats the last one, or with it the last two. */
function add(sent: string[], name: string): void {
  sent.push(name);
  const [a, b, c, d] = sent.slice(-4);
  if (sent.at(-2) === name) sent.pop();
  else if (d && a === c && b === d) sent.splice(-2);
}

/** Returns the events without the values that differ between runs, with merged deltas. */
function plain(events: readonly BaseEvent[]): object[] {
  const all: Record<string, unknown>[] = [];
  for (const { timestamp: _, ...event } of events as readonly Record<string, unknown>[]) {
    const last = all.at(-1);
    if (last && "delta" in event && last.type === event.type) last.delta = `${last.delta}${event.delta}`;
    else all.push({ ...event });
  }
  return all;
}

function eventsOf(agent: AbstractAgent, input: RunAgentInput): Promise<BaseEvent[]> {
  return new Promise((resolve, reject) => {
    const events: BaseEvent[] = [];
    agent.run(input).subscribe({ next: (event) => events.push(event), error: reject, complete: () => resolve(events) });
  });
}

describe.each(["@ag-ui/client", "ag-ui-client-0.0.59"])("%s", (generation) => {
  let WebSocketAgent: AgentClass<WebSocketAgentConfig>;
  let HttpAgent: AgentClass<HttpConfig>;
  const models: SteppedModel[] = [];
  const servers: TestSluice[] = [];
  const shared: SluiceConnection[] = [];

  beforeAll(async () => {
    vi.resetModules();
    const client = await import(generation);
    vi.doMock("@ag-ui/client", () => client);
    HttpAgent = client.HttpAgent;
    ({ WebSocketAgent } = (await import("../../src/client/web-socket-agent.ts")) as never);
    expect(Object.getPrototypeOf(WebSocketAgent)).toBe(client.AbstractAgent);
  });
  afterAll(() => {
    vi.doUnmock("@ag-ui/client");
    vi.resetModules();
  });
  beforeEach(() => {
    // The clients print their errors.
    for (const method of ["error", "warn"] as const) vi.spyOn(console, method).mockImplementation(() => {});
  });
  afterEach(async () => {
    for (const each of shared.splice(0)) each.close();
    await Promise.all(servers.splice(0).map((server) => server.close()));
    models.length = 0;
    vi.restoreAllMocks();
  });

  async function serve(): Promise<{ model: SteppedModel; server: TestSluice }> {
    const model = new SteppedModel();
    const server = await startSluice({ chat: { graph: chatGraph(model) } });
    models.push(model);
    servers.push(server);
    return { model, server };
  }

  interface Caller {
    readonly agent: AbstractAgent;
    readonly model: SteppedModel;
    readonly server: TestSluice;
  }

  const makers = {
    http: ({ url }: TestSluice) => new HttpAgent({ url: `${url}/agui` }),
    webSocket: ({ ws }: TestSluice) => new WebSocketAgent({ url: `${ws}/ws`, ...quick }),
  };

  /** Calls both agents, and expects the same result. */
  async function same<T>(call: (caller: Caller) => Promise<T>): Promise<T> {
    const results: T[] = [];
    for (const make of [makers.http, makers.webSocket]) {
      const { model, server } = await serve();
      results.push(await call({ agent: make(server), model, server }));
    }
    expect(results[1]).toEqual(results[0]);
    return results[1] as T;
  }

  /** As assistant-ui begins a run: the fields set from outside, `state` null, the whole input as parameters. */
  function assign(agent: AbstractAgent, runId: string, messages: Message[]) {
    agent.messages = messages;
    agent.threadId = THREAD;
    agent.state = null;
    return { threadId: THREAD, runId, messages, state: null, tools, context, forwardedProps: { runConfig: {} } };
  }

  it("reports the same to its subscribers, turn after turn with the whole history", async () => {
    const { sent, messages } = await same(async ({ agent, model }) => {
      const always = listener();
      agent.subscribe(always.subscriber);
      model.think("Hmm.").say("Hel", "lo").end();
      const first = listener();
      const { newMessages } = await agent.runAgent(assign(agent, "r1", [user("u1")]), first.subscriber);
      model.say("Again").end();
      const second = listener();
      await agent.runAgent(assign(agent, "r2", [...agent.messages, user("u2", "more")]), second.subscriber);
      return {
        sent: [first.sent, second.sent, always.sent],
        events: [plain(first.events), plain(second.events)],
        messages: agent.messages,
        newMessages,
        state: agent.state,
        running: agent.isRunning,
        prompts: model.prompts,
      };
    });
    expect(sent[0]).toEqual(expect.arrayContaining(["onRunStartedEvent", "onTextMessageContentEvent"]));
    expect(messages.map(({ content }) => content)).toEqual(["hi", "Hmm.", "Hello", "more", "Again"]);
  });

  it("calls the frontend's tools, and takes their results", async () => {
    const { messages } = await same(async ({ agent, model }) => {
      model.call("pick", { of: 3 }, "c1").end();
      const first = listener();
      await agent.runAgent(assign(agent, "r1", [user("u1")]), first.subscriber);
      model.say("Two it is").end();
      const result: Message = { id: "m1", role: "tool", toolCallId: "c1", content: "2" };
      const second = listener();
      await agent.runAgent(assign(agent, "r2", [...agent.messages, result]), second.subscriber);
      expect(first.sent).toContain("onToolCallEndEvent");
      return { sent: [first.sent, second.sent], events: plain(first.events), messages: agent.messages };
    });
    expect(messages.at(-1)).toMatchObject({ role: "assistant", content: "Two it is" });
  });

  it("reports a run that failed, and does not reject", async () => {
    const { sent } = await same(async ({ agent, model }) => {
      model.say("Well").fail(new Error("no"));
      const heard = listener();
      await agent.runAgent(assign(agent, "r1", [user("u1")]), heard.subscriber);
      return { sent: heard.sent, events: plain(heard.events), messages: agent.messages };
    });
    expect(sent).toContain("onRunErrorEvent");
    expect(sent).not.toContain("onRunFailed");
  });

  it("is cloned for each request, as a runtime does, with what it was given set on the clone", async () => {
    await same(async ({ agent: registered, model }) => {
      registered.use((input, next) => next.run({ ...input, forwardedProps: { seen: true } }));
      const agent = registered.clone() as AbstractAgent & { headers?: Record<string, string> };
      if ("headers" in agent) agent.headers = { ...agent.headers, "x-request": "1" };
      agent.setMessages([user("u1")]);
      agent.setState({ city: "Bern" });
      agent.threadId = THREAD;
      model.say("Hi").end();
      const input = { threadId: THREAD, runId: "r1", messages: [user("u1")], state: {}, tools, context };
      const heard = listener((event) => {
        // A runner adds the run's input.
        if (event.type === "RUN_STARTED") Object.assign(event, { input });
      });
      await agent.runAgent(input, heard.subscriber);
      return {
        sent: heard.sent,
        events: plain(heard.events),
        messages: agent.messages,
        registered: registered.messages,
      };
    });
  });

  it("is subscribed to directly, as a runner does", async () => {
    const events = await same(async ({ agent, model }) => {
      model.say("Hel", "lo").end();
      const base = { threadId: THREAD, state: null, tools, context, forwardedProps: {} };
      const first = await eventsOf(agent, { ...base, runId: "r1", messages: [user("u1")] });
      model.say("Bye").end();
      const second = await eventsOf(agent, { ...base, runId: "r2", messages: [user("u2")] });
      return plain([...first, ...second]);
    });
    expect(events.at(-1)).toMatchObject({ type: "RUN_FINISHED", runId: "r2" });
  });

  it("connects, where HttpAgent cannot", async () => {
    const { agent, messages } = await (async () => {
      const { model, server } = await serve();
      const first = makers.webSocket(server);
      model.say("Hello").end();
      await first.runAgent(assign(first, "r1", [user("u1")]));
      const late = makers.webSocket(server);
      late.threadId = THREAD;
      await late.connectAgent({ runId: "c1" });
      return { agent: first, messages: late.messages };
    })();
    expect(messages).toMatchObject(agent.messages.map(({ id, role }) => ({ id, role })));
  });

  describe("abortRun", () => {
    it("in the middle: the run resolves, what was said stays, and the next one begins", async () => {
      const { messages } = await same(async ({ agent, model, server }) => {
        model.say("Well");
        const heard = listener(({ type }) => {
          if (type === "TEXT_MESSAGE_CONTENT") agent.abortRun();
        });
        await agent.runAgent(assign(agent, "r1", [user("u1")]), heard.subscriber);
        expect(heard.sent).not.toContain("onRunFailed");
        while (server.runs.activeCount > 0) await new Promise(setImmediate);
        model.say("Again").end();
        await agent.runAgent(assign(agent, "r2", [...agent.messages, user("u2")]));
        return { messages: agent.messages.map(({ content }) => content), running: agent.isRunning };
      });
      expect(messages).toEqual(["hi", "Well", "hi", "Again"]);
    });

    it("at once: nothing begins, and the next run does", async () => {
      await same(async ({ agent, model }) => {
        const done = agent.runAgent(assign(agent, "r1", [user("u1")]));
        agent.abortRun();
        await done;
        expect(model.prompts).toEqual([]);
        model.say("Now").end();
        await agent.runAgent(assign(agent, "r2", [user("u1")]));
        return agent.messages.map(({ content }) => content);
      });
    });

    it("when the server has not confirmed the run yet: it is cancelled once it has", async () => {
      const { server } = await serve();
      const line = connection(server.ws);
      shared.push(line);
      await line.subscribe("other", { onEvent: () => {} }).confirmed;
      const agent = new WebSocketAgent({ url: server.ws, connection: line });
      const running = new Promise<void>((resolve) => {
        const look = () => ("active" in agent && agent.active ? resolve() : setImmediate(look));
        look();
      });
      const done = agent.runAgent(assign(agent, "r1", [user("u1")]));
      await running;
      agent.abortRun();
      await done;
      // A reader may receive the end of a run before the server releases the thread.
      await expect.poll(() => server.runs.activeCount, { interval: 1 }).toBe(0);
    });
  });
});
