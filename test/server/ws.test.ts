/** The WebSocket route: the frames that it accepts and sends, in each format. */

import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { END, interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { ToolNode, toolsCondition } from "@langchain/langgraph/prebuilt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { AguiEvent } from "../../src/protocol/events.ts";
import { EventType } from "../../src/protocol/events.ts";
import { refusal } from "../support/raw-socket.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { dataOf, eventsOf, openSse } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType, type WsClient } from "../support/ws-client.ts";

const ended = isType("RUN_FINISHED", "RUN_ERROR");
const types = (frames: readonly string[]) => eventsOf(frames).map(({ type }) => type);

/** Thinks, calls `weather`, and answers. */
function weatherGraph(model: SteppedModel) {
  const weather = tool(({ city }) => `Rain in ${city}.`, {
    name: "weather",
    description: "The weather.",
    schema: z.object({ city: z.string() }),
  });
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addNode("tools", new ToolNode([weather]))
    .addEdge(START, "chat")
    .addConditionalEdges("chat", toolsCondition)
    .addEdge("tools", "chat")
    .compile({ checkpointer: memory() });
}

/** Asks before it says what it was answered. */
function askingGraph() {
  return new StateGraph(MessagesAnnotation)
    .addNode("ask", () => {
      const answer: unknown = interrupt({ message: "Shall I?" });
      return { messages: [new AIMessage(`You said ${JSON.stringify(answer)}`)] };
    })
    .addEdge(START, "ask")
    .addEdge("ask", END)
    .compile({ checkpointer: memory() });
}

let thread: string;
let count = 0;
let model: SteppedModel;
let tools: SteppedModel;
let sluice: TestSluice;
const clients: WsClient[] = [];

beforeEach(async () => {
  count += 1;
  thread = `thread ${count}/ä`;
  model = new SteppedModel();
  tools = new SteppedModel();
  sluice = await startSluice({
    stepped: { graph: chatGraph(model) },
    quick: { graph: chatGraph(new SteppedModel({ always: ["Hel", "lo"] })) },
    weather: { graph: weatherGraph(tools) },
    asking: { graph: askingGraph() },
  });
});
afterEach(async () => {
  await Promise.all(clients.splice(0).map((client) => client.close()));
  await sluice.close();
});

/** A tool is not called twice for the same call on one thread. */
let calls = 0;
const callId = () => {
  calls += 1;
  return `call-${calls}`;
};

/** Opens a socket that the test's end closes. */
async function open(parameters: Record<string, string> = {}): Promise<WsClient> {
  const client = await connect(`${sluice.ws}/ws?${new URLSearchParams(parameters)}`);
  clients.push(client);
  return client;
}

/** One command's answer: opens, sends, and gives the frames up to the end of a run. */
async function answer(message: string | object, parameters: Record<string, string> = {}): Promise<string[]> {
  const client = await open({ agent: "quick", ...parameters });
  client.send(message);
  return client.until(ended);
}

describe("agui: what starts a run", () => {
  it("a line that does not start with { is a user message on the socket's thread", async () => {
    const events = eventsOf(await answer("Good morning", { thread }));
    await verifyRun(events);
    expect(events[0]).toMatchObject({
      threadId: thread,
      input: { messages: [{ role: "user", content: "Good morning" }] },
    });
    expect(
      events
        .filter(({ type }) => type === "TEXT_MESSAGE_CONTENT")
        .map((event) => "delta" in event && event.delta)
        .join(""),
    ).toBe("Hello");
  });

  it("a socket that names no thread is on one of its own, and stays there", async () => {
    const client = await open({ agent: "quick" });
    client.send("one");
    const [first] = eventsOf(await client.until(ended));
    const seen = client.frames.length;
    client.send("two");
    await client.until((frame) => ended(frame) && client.frames.indexOf(frame, seen) >= seen);
    const [second] = eventsOf(client.frames.slice(seen));
    expect(second).toMatchObject({ type: "RUN_STARTED", threadId: (first as { threadId: string }).threadId });
  });

  it("a RunAgentInput starts the run it describes, on the thread it names", async () => {
    const input = userInput("Good morning", { threadId: thread, runId: "r/1" });
    const events = eventsOf(await answer(input));
    await verifyRun(events);
    expect(events[0]).toMatchObject({ threadId: thread, runId: "r/1" });
  });

  it("a RunAgentInput on the thread the socket is on already starts one run and sends it once", async () => {
    const events = eventsOf(await answer(userInput("Good morning", { threadId: thread }), { thread }));
    await verifyRun(events);
  });

  it('{"type":"run"} may name the agent', async () => {
    const client = await open({ agent: "stepped" });
    client.send({ type: "run", agent: "quick", input: userInput("hi", { threadId: thread }) });
    await verifyRun(eventsOf(await client.until(ended)));
  });

  it("the same RunAgentInput again attaches to the run instead of starting another", async () => {
    const input = userInput("hi", { threadId: thread });
    const first = await answer(input);
    const again = await answer(input);
    expect(again).toEqual(first);
  });

  it("the same RunAgentInput attaches on a socket that was opened on the thread after the run", async () => {
    const input = userInput("hi", { threadId: thread });
    const first = await answer(input);
    expect(await answer(input, { thread })).toEqual(first);
  });

  it("frames are byte for byte the data that SSE has for the same run", async () => {
    const input = userInput("hi", { threadId: thread, protocolVersion: "1.0" });
    const client = await open({ agent: "weather" });
    tools.think("hm").call("weather", { city: "Bern" }, callId()).end().say("Rain", ", sorry. \u2028☔").end();
    client.send(input);
    const frames = await client.until(ended);
    const sse = await openSse(`${sluice.url}/agui/agent/weather/run`, input);
    expect(dataOf(await sse.done)).toEqual(frames);
    expect(new Set(types(frames))).toEqual(
      new Set([
        "RUN_STARTED",
        "STEP_STARTED",
        "REASONING_START",
        "REASONING_MESSAGE_START",
        "REASONING_MESSAGE_CONTENT",
        "REASONING_MESSAGE_END",
        "REASONING_END",
        "TOOL_CALL_START",
        "TOOL_CALL_ARGS",
        "TOOL_CALL_END",
        "TOOL_CALL_RESULT",
        "TEXT_MESSAGE_START",
        "TEXT_MESSAGE_CONTENT",
        "TEXT_MESSAGE_END",
        "STEP_FINISHED",
        "CUSTOM",
        "RUN_FINISHED",
      ]),
    );
  });
});

describe("agui: who sees what", () => {
  it("a second socket on the thread sees the same frames as the one that started the run", async () => {
    const [one, two] = [await open({ agent: "quick", thread }), await open({ agent: "quick", thread })];
    one.send("hi");
    const frames = await one.until(ended);
    expect(await two.until(ended)).toEqual(frames);
  });

  it("a socket that opens on the thread in the middle of a run gets it from RUN_STARTED on", async () => {
    const one = await open({ thread });
    one.send("hi");
    model.say("Hel");
    await one.until(isType("TEXT_MESSAGE_CONTENT"));
    const late = await open({ thread });
    await late.until(isType("TEXT_MESSAGE_CONTENT"));
    model.say("lo").end();
    const frames = await late.until(ended);
    await verifyRun(eventsOf(frames));
    expect(frames).toEqual(await one.until(ended));
  });

  it("a socket on another thread sees nothing of it", async () => {
    const other = await open({ agent: "quick", thread: `${thread} too` });
    const one = await open({ agent: "quick", thread });
    one.send("hi");
    await one.until(ended);
    other.send({ type: "ping" });
    expect(await other.until(isType("CUSTOM"))).toHaveLength(1);
  });

  it("a run started over SSE is seen on the thread's sockets", async () => {
    const client = await open({ thread });
    const sse = await openSse(
      `${sluice.url}/agui/agent/quick/run`,
      userInput("hi", { threadId: thread, protocolVersion: undefined }),
    );
    const data = dataOf(await sse.done);
    expect(await client.until(ended)).toEqual(data);
  });
});

/** Returns the types of events. The number of deltas of a text depends on time and is ignored. */
function typesOf(events: readonly AguiEvent[]): string[] {
  const types = events.map(({ type }): string => type);
  return types.filter((type, index) => !/CONTENT$|ARGS$/.test(type) || type !== types[index - 1]);
}

it("langgraph: a waiting socket gets a run that is started over HTTP", async () => {
  const client = await open({ thread, format: "langgraph" });
  const sse = await openSse(`${sluice.url}/agui/agent/quick/run`, userInput("hi", { threadId: thread }));
  await sse.done;
  const frames = await client.until((frame) => frame.includes('"event":"done"'));
  expect(frames.some((frame) => frame.includes('"event":"on_chat_model_stream"'))).toBe(true);
});

describe("agui: parameters of the URL", () => {
  const run = async (parameters: Record<string, string>) => {
    tools.think("hm", "m").say("Let me see.").call("weather", { city: "Bern" }, callId()).end().say("Ra", "in").end();
    const frames = await answer(userInput("Weather?", { threadId: thread }), { agent: "weather", ...parameters });
    await verifyRun(eventsOf(frames));
    return eventsOf(frames);
  };

  it("events= narrows to what those graph events cause", async () => {
    const seen = (await run({ events: "on_tool_*" })).map(({ type }) => type);
    expect(seen).toEqual(["RUN_STARTED", "TOOL_CALL_RESULT", "RUN_FINISHED"]);
  });

  it("events= cannot widen what the agent admits", async () => {
    expect(typesOf(await run({ events: "*" }))).toEqual(typesOf(await run({})));
  });

  it("tokens=false brings each message once, whole", async () => {
    const events = await run({ tokens: "false" });
    const deltas = events.flatMap((event) => (event.type === "TEXT_MESSAGE_CONTENT" ? [event.delta] : []));
    expect(deltas).toEqual(["Let me see.", "Rain"]);
  });

  it("reasoning=false leaves the reasoning out, and only that", async () => {
    const seen = typesOf(await run({ reasoning: "false" }));
    const all = typesOf(await run({}));
    expect(seen).toEqual(all.filter((type) => !type.startsWith("REASONING")));
    expect(seen).not.toEqual(all);
  });

  it.each<[string, Record<string, string>, string]>([
    ["protocol=1.0", { protocol: "1.0" }, "RUN_FINISHED"],
    ["no protocol at all", {}, "RUN_ERROR"],
  ])("with %s a cancelled run ends with what that generation of clients takes", async (_, parameters, type) => {
    const client = await open({ thread, ...parameters });
    client.send("hi");
    await client.until(isType("RUN_STARTED"));
    client.send({ type: "cancel" });
    const last = eventsOf(await client.until(ended)).at(-1);
    expect(last).toMatchObject(
      type === "RUN_FINISHED" ? { type, outcome: { type: "cancelled" } } : { type, code: "cancelled" },
    );
  });

  it("an announced protocolVersion does for its socket what protocol= would", async () => {
    const client = await open({ thread });
    client.send(userInput("hi", { threadId: thread, protocolVersion: "1.0" }));
    await client.until(isType("RUN_STARTED"));
    client.send("/cancel");
    const frames = await client.until(ended);
    await verifyRun(eventsOf(frames));
    expect(eventsOf(frames).at(-1)).toMatchObject({ type: "RUN_FINISHED", outcome: { type: "cancelled" } });
  });

  it.each([
    ["format=xml", /format: valid are agui/],
    ["events=on_tool_begin", /events.*unknown event name "on_tool_begin"/],
    ["tokens=maybe", /tokens: must be true or false/],
    ["agent=nobody", /There is no agent "nobody"/],
    ["thread=%00", /thread must be 1 to 256 bytes/],
  ])("%s is refused before the handshake, where HTTP can say why", async (query, reason) => {
    const { status, error } = await refusal(`${sluice.url}/ws?${query}`);
    expect(status).toBe(query.startsWith("agent") ? 404 : 400);
    expect(error.message).toMatch(reason);
  });
});

describe("agui: errors", () => {
  const malformed: [string, string, RegExp][] = [
    ["an empty line", " ", /empty/],
    ["JSON that is cut off", '{"type":', /must be JSON/],
    ["an unknown type", '{"type":"dance"}', /valid are run, inject, cancel, resume and ping/],
    ["a field that is missing", '{"threadId":"t","messages":[]}', /field runId/],
    [
      "a run of an agent that is not there",
      '{"type":"run","agent":"nobody","input":{"threadId":"t","runId":"r","messages":[]}}',
      /no agent "nobody"/,
    ],
    ["an unknown slash command", "/dance", /Unknown command\. \/help/],
    ["nothing to cancel", "/cancel", /no active run/],
    ["nothing to answer", "/approve", /Nothing here waits/],
    ["/thread without a thread", "/thread", /\/thread needs a thread's id/],
    ["/agent without an agent", "/agent", /\/agent needs an agent's name/],
  ];

  it.each(malformed)("outside a run %s is a RUN_ERROR, and the socket stays open", async (_, message, reason) => {
    const client = await open({ agent: "quick", thread });
    client.send(message);
    const [error] = eventsOf(await client.until(isType("RUN_ERROR")));
    expect(error).toMatchObject({
      type: "RUN_ERROR",
      message: expect.stringMatching(reason),
      code: expect.any(String),
      metadata: { retryable: false },
    });
    client.send("hi");
    await verifyRun(eventsOf(await client.until(isType("RUN_FINISHED"))).slice(1));
  });

  it.each(malformed.filter(([, message]) => message !== "/cancel"))(
    "inside a run %s is a CUSTOM sluice.error, and the run goes on",
    async (_, message, reason) => {
      const client = await open({ thread });
      client.send("hi");
      await client.until(isType("RUN_STARTED"));
      client.send(message);
      const frames = eventsOf(await client.until(isType("CUSTOM")));
      expect(frames.at(-1)).toEqual({
        type: "CUSTOM",
        name: "sluice.error",
        value: { code: expect.any(String), message: expect.stringMatching(reason), retryable: false },
      });
      model.say("Hello").end();
      await verifyRun(eventsOf(await client.until(ended)));
    },
  );

  it("a second message while the run is active says which run is", async () => {
    const client = await open({ thread });
    client.send("hi");
    const [started] = eventsOf(await client.until(isType("RUN_STARTED")));
    client.send("hi again");
    const busy = eventsOf(await client.until(isType("CUSTOM"))).at(-1);
    expect(busy).toMatchObject({
      value: { code: "thread_busy", retryable: true, details: { runId: (started as { runId: string }).runId } },
    });
    model.end();
    await client.until(ended);
  });
});

describe("agui: commands", () => {
  it("cancel ends the run of the thread it names", async () => {
    const client = await open({ thread, protocol: "1.0" });
    client.send("hi");
    await client.until(isType("RUN_STARTED"));
    const other = await open();
    other.send({ type: "cancel", threadId: thread });
    expect(eventsOf(await client.until(ended)).at(-1)).toMatchObject({ outcome: { type: "cancelled" } });
  });

  it("ping is answered at once, run or no run", async () => {
    const client = await open({ thread });
    client.send({ type: "ping" });
    expect(eventsOf(await client.until(isType("CUSTOM")))).toEqual([
      { type: "CUSTOM", name: "sluice.pong", value: null },
    ]);
  });

  it("/help lists the commands", async () => {
    const client = await open();
    client.send("/help");
    const [help] = eventsOf(await client.until(isType("CUSTOM")));
    expect(help).toMatchObject({
      name: "sluice.notice",
      value: expect.stringMatching(/\/cancel.*\/approve.*\/reject.*\/thread.*\/agent/s),
    });
  });

  it("/agent changes who answers", async () => {
    const client = await open({ agent: "stepped", thread });
    client.send("/agent quick");
    client.send("hi");
    await verifyRun(eventsOf(await client.until(ended)).slice(1));
    expect(client.frames[0]).toContain("Talking to quick.");
  });

  it("/thread goes to another thread: its run is sent from the start, and the next line goes there", async () => {
    const there = await open({ thread, agent: "quick" });
    const client = await open({ agent: "quick" });
    client.send(`/thread ${thread}`);
    await client.until((frame) => frame.includes(`On thread ${thread}.`));
    client.send("hi");
    expect(await there.until(ended)).toEqual((await client.until(ended)).slice(1));
  });

  it("lines sent in one go are done one after the other", async () => {
    const client = await open({ agent: "stepped" });
    for (const line of ["/agent quick", `/thread ${thread}`, "hi"]) client.send(line);
    const events = eventsOf(await client.until(ended));
    expect(events.slice(0, 3)).toMatchObject([
      { type: "CUSTOM" },
      { type: "CUSTOM" },
      { type: "RUN_STARTED", threadId: thread },
    ]);
  });
});

describe("agui: answers to what a graph asks", () => {
  async function asked(): Promise<{ client: WsClient; interruptId: string; seen: number }> {
    const client = await open({ agent: "asking", thread });
    client.send("go");
    const last = eventsOf(await client.until(ended)).at(-1);
    if (last?.type !== EventType.RUN_FINISHED || last.outcome?.type !== "interrupt") throw new Error("not asked");
    expect(last.outcome.interrupts).toMatchObject([{ message: "Shall I?" }]);
    return { client, interruptId: last.outcome.interrupts[0]?.id ?? "", seen: client.frames.length };
  }
  const said = async (client: WsClient, seen: number) => {
    await client.until((frame) => client.frames.indexOf(frame, seen) >= seen && ended(frame));
    const events = eventsOf(client.frames.slice(seen));
    await verifyRun(events);
    return events.flatMap((event) => (event.type === "TEXT_MESSAGE_CONTENT" ? [event.delta] : [])).join("");
  };

  it.each([
    ["/approve", '{"approved":true}'],
    ["/approve by all means", '{"approved":true,"text":"by all means"}'],
    ["/reject", '{"approved":false}'],
    ['{"type":"resume","payload":{"colour":"red"}}', '{"colour":"red"}'],
  ])("%s", async (line, payload) => {
    const { client, seen } = await asked();
    client.send(line);
    expect(await said(client, seen)).toBe(`You said ${payload}`);
  });

  it("resume may name the interrupt it answers; a wrong one answers nothing", async () => {
    const { client, interruptId, seen } = await asked();
    client.send({ type: "resume", payload: 1, interruptId: "another" });
    await client.until((frame) => frame.includes('"code":"interrupt_pending"'));
    client.send({ type: "resume", payload: 2, interruptId });
    expect(await said(client, seen + 1)).toBe("You said 2");
  });

  it("a line in place of an answer is refused, and names what is asked", async () => {
    const { client, interruptId } = await asked();
    client.send("never mind");
    const frames = await client.until(isType("RUN_ERROR"));
    expect(eventsOf(frames).at(-1)).toMatchObject({
      code: "interrupt_pending",
      message: expect.stringContaining(interruptId),
    });
  });
});

describe("langgraph", () => {
  const closing = (frame: string) => /^\{"event":"(done|error)"/.test(frame);
  const graphEvents = (frames: string[]) =>
    frames.map((frame) => JSON.parse(frame) as { event: string; data: unknown; name: string });

  it("is LangGraph's own events, in the shape the contract gives, closed by done", async () => {
    const client = await open({ agent: "quick", format: "langgraph", thread });
    client.send("hi");
    const frames = await client.until(closing);
    expect(
      frames
        .map((frame) => JSON.parse(frame) as object)
        .filter((frame) => "event" in frame && frame.event === "on_chat_model_stream")[0],
    ).toEqual({
      event: "on_chat_model_stream",
      name: "SteppedModel",
      run_id: expect.stringMatching(/^[\da-f-]{36}$/),
      tags: expect.any(Array),
      data: { chunk: { type: "ai_chunk", content: "Hel", id: expect.stringMatching(/^answer-/) } },
      metadata: expect.objectContaining({ thread_id: thread, agent: "quick", langgraph_node: "chat" }),
    });
    expect(frames.some((frame) => frame.includes('"data":{"chunk":{"type":"ai_chunk","content":"Hel"'))).toBe(true);
    const chains = graphEvents(frames).filter(({ event }) => event.startsWith("on_chain_"));
    expect(chains.map(({ event, name }) => `${event} ${name}`)).toEqual(
      expect.arrayContaining([
        "on_chain_start quick",
        "on_chain_start chat",
        "on_chain_end chat",
        "on_chain_end quick",
      ]),
    );
    expect(chains.filter(({ data }) => JSON.stringify(data) !== "{}")).toEqual([]);
    expect(frames.at(-1)).toBe('{"event":"done","outcome":"done"}');
  });

  it("events= narrows it; what closes it stays", async () => {
    const client = await open({ agent: "quick", format: "langgraph", thread, events: "on_chain_end" });
    client.send("hi");
    expect(new Set(graphEvents(await client.until(closing)).map(({ event }) => event))).toEqual(
      new Set(["on_chain_end", "done"]),
    );
  });

  it("a failed run is closed by error", async () => {
    const client = await open({ format: "langgraph", thread });
    client.send("hi");
    model.fail(new Error("no more tokens"));
    expect(JSON.parse((await client.until(closing)).at(-1) ?? "")).toEqual({
      event: "error",
      code: "model_error",
      message: "The model call failed: no more tokens",
      retryable: true,
    });
  });

  it("a cancelled and an interrupted run say so", async () => {
    const client = await open({ format: "langgraph", thread });
    client.send("hi");
    await client.until((frame) => frame.includes("on_chain_start"));
    client.send("/cancel");
    expect((await client.until(closing)).at(-1)).toBe('{"event":"done","outcome":"cancelled"}');
    const asking = await open({ agent: "asking", format: "langgraph", thread: `${thread} too` });
    asking.send("hi");
    expect(JSON.parse((await asking.until(closing)).at(-1) ?? "")).toMatchObject({
      outcome: "interrupted",
      interrupts: [{ message: "Shall I?" }],
    });
  });

  it("an error outside a run is an error frame", async () => {
    const client = await open({ format: "langgraph", thread });
    client.send("/dance");
    expect(JSON.parse((await client.until(closing))[0] ?? "")).toMatchObject({ event: "error", code: "bad_request" });
  });

  it("an error inside a run does not look like its end", async () => {
    const client = await open({ format: "langgraph", thread });
    client.send("hi");
    await client.until((frame) => frame.includes("on_chain_start"));
    client.send("/dance");
    await client.until((frame) => frame.includes("Unknown command"));
    model.say("Hello").end();
    const frames = await client.until((frame) => frame.includes('"event":"done"'));
    expect(frames.filter(closing)).toHaveLength(1);
    expect(JSON.parse(frames.find((frame) => frame.includes("Unknown command")) ?? "")).toMatchObject({
      event: "on_custom_event",
      name: "sluice.error",
    });
  });
});

describe("text", () => {
  it("is what a person would read: tokens, thoughts, tools, the end", async () => {
    tools.think("hm").call("weather", { city: "Bern" }, callId()).end().say("Ra").end();
    const client = await open({ agent: "weather", format: "text", thread });
    client.send("Weather?");
    expect(await client.until((frame) => frame === "[done]")).toEqual([
      "[thinking]",
      "hm",
      "[/thinking]",
      '[tool] weather {"city":"Bern"}',
      "[result] weather: Rain in Bern.",
      "Ra",
      "[done]",
    ]);
  });

  it("says how to answer what a graph asks, what was wrong, and where one is", async () => {
    const client = await open({ agent: "asking", format: "text", thread });
    client.send("go");
    await client.until((frame) => frame === "[waiting] Shall I? (answer with /approve or /reject)");
    client.send("/dance");
    await client.until((frame) => /^\[error\] bad_request: Unknown command/.test(frame));
    client.send("/thread elsewhere");
    await client.until((frame) => frame === "On thread elsewhere.");
  });

  it("says that a run was cancelled, and what is wrong inside a run", async () => {
    const client = await open({ format: "text", thread, protocol: "1.0" });
    client.send("hi");
    model.say("Hel");
    await client.until((frame) => frame === "Hel");
    client.send("/dance");
    await client.until((frame) => /^\[error\] Unknown command/.test(frame));
    client.send("/cancel");
    await client.until((frame) => frame === "[cancelled]");
  });
});
