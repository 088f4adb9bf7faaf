/** The bundled assistant over a model behind OpenAI's API, as a client sees it: answers, tools, failures, hang-ups. */
import { setInterval } from "node:timers/promises";
import { LLMock } from "@copilotkit/aimock";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { assistant } from "../../src/agents/assistant.ts";
import { openaiModel } from "../../src/agents/models/openai.ts";
import type { AgentEntry } from "../../src/config/agents.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { type ModelCall, type RawModel, rawModel } from "../support/raw-model.ts";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, type SseRun, textOf, userInput } from "../support/sse-client.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType } from "../support/ws-client.ts";

const KEY = "sk-test-0123456789abcdef";

function agent(baseUrl: string, entry: Partial<AgentEntry> = {}) {
  const model = openaiModel({ baseUrl, apiKey: KEY, model: "gpt-test" });
  return { graph: assistant({ model, checkpointer: memory() }), entry };
}

function ofType<T extends EventType>(events: readonly AguiEvent[], type: T): Extract<AguiEvent, { type: T }>[] {
  return events.filter((event): event is Extract<AguiEvent, { type: T }> => event.type === type);
}

describe("an assistant whose model speaks OpenAI's protocol", () => {
  const model = new LLMock({ port: 0, chunkSize: 8 });
  let sluice: TestSluice;

  beforeAll(async () => {
    await model.start();
    sluice = await startSluice({ assistant: agent(`${model.url}/v1`) });
  });
  afterEach(() => {
    model.clearFixtures();
    model.clearRequests();
  });
  afterAll(async () => {
    await sluice.close();
    await model.stop();
  });

  it("streams an answer piece by piece, and says why it ended and what it cost", async () => {
    model.onMessage(
      "hello",
      { content: "Good morning, dear reader.", usage: { prompt_tokens: 11, completion_tokens: 6, total_tokens: 17 } },
      { streamingProfile: { ttft: 5, tps: 500 } },
    );
    const events = await (await postRun(sluice.url, userInput("hello"))).done;
    await verifyRun(events);
    expect(ofType(events, EventType.TEXT_MESSAGE_CONTENT).length).toBeGreaterThan(2);
    expect(textOf(events)).toBe("Good morning, dear reader.");
    expect(ofType(events, EventType.RUN_FINISHED)).toMatchObject([
      {
        usage: [{ provider: "openai", model: "gpt-test", inputTokens: 11, outputTokens: 6, totalTokens: 17 }],
        metadata: { finishReason: "stop" },
      },
    ]);
  });

  it("streams a tool call's arguments, runs the tool, and streams what the model makes of its result", async () => {
    const toolCalls = [{ id: "call_1", name: "calculator", arguments: '{"expression":"12 * 7"}' }];
    model.on({ userMessage: "12 * 7", hasToolResult: false }, { toolCalls });
    model.on({ userMessage: "12 * 7", toolResultContains: "84" }, { content: "That makes eighty-four." });
    const input = userInput("what is 12 * 7?");
    const events = await (await postRun(sluice.url, input)).done;
    await verifyRun(events);

    const [start, ...otherStarts] = ofType(events, EventType.TOOL_CALL_START);
    expect(start).toMatchObject({ toolCallId: "call_1", toolCallName: "calculator" });
    expect(otherStarts).toEqual([]);
    const args = ofType(events, EventType.TOOL_CALL_ARGS).map(({ delta }) => delta);
    expect(args.length).toBeGreaterThan(1);
    expect(args.join("")).toBe('{"expression":"12 * 7"}');
    expect(ofType(events, EventType.TOOL_CALL_RESULT)).toMatchObject([{ toolCallId: "call_1", content: "84" }]);
    expect(textOf(events)).toBe("That makes eighty-four.");
    expect(ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName)).toEqual(["model", "tools", "model"]);

    const answer = await fetch(`${sluice.url}/threads/${input.threadId}/messages`);
    const { messages } = (await answer.json()) as { messages: { role: string }[] };
    expect(messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
  });

  it("adds up what the model calls of a run cost", async () => {
    const usage = { prompt_tokens: 10, completion_tokens: 5, total_tokens: 15 };
    const toolCalls = [{ id: "call_1", name: "calculator", arguments: '{"expression":"1+1"}' }];
    model.on({ userMessage: "add", hasToolResult: false }, { toolCalls, usage });
    model.on({ userMessage: "add", hasToolResult: true }, { content: "2", usage });
    const events = await (await postRun(sluice.url, userInput("add"))).done;
    expect(ofType(events, EventType.RUN_FINISHED)).toMatchObject([
      { usage: [{ inputTokens: 20, outputTokens: 10, totalTokens: 30 }], metadata: { finishReason: "stop" } },
    ]);
  });

  it("says that the answer was cut when the model hit its limit", async () => {
    model.onMessage("long", { content: "It began when", finishReason: "length" });
    const events = await (await postRun(sluice.url, userInput("long"))).done;
    expect(ofType(events, EventType.RUN_FINISHED)).toMatchObject([{ metadata: { finishReason: "length" } }]);
  });

  it("ends in one model_error without secrets when the endpoint fails for good", async () => {
    const message = `Overloaded. Request with key ${KEY} to /srv/models/gpt/router.py failed`;
    model.onMessage("hello", { error: { message, type: "server_error" }, status: 503 });
    const events = await (await postRun(sluice.url, userInput("hello"))).done;
    await verifyRun(events);
    const [error] = ofType(events, EventType.RUN_ERROR);
    expect(error).toMatchObject({ code: "model_error", message: expect.stringContaining("503 Overloaded") });
    expect(error?.message).not.toMatch(/sk-test|\/srv|router|127\.0\.0\.1|chat\/completions|\n\s+at /);
    expect(model.getRequests().length).toBeGreaterThan(1); // the call was repeated before the first token
  });

  it.each([429, 500, 503])(
    "is asked again three times at most when it answers %i before it has said anything",
    async (status) => {
      const error = { message: "Slow down.", type: "rate_limit_error" };
      model.onMessage("hello", { error, status, retryAfter: 1 });
      const events = await (await postRun(sluice.url, userInput("hello"))).done;
      await verifyRun(events);
      expect(ofType(events, EventType.RUN_ERROR)).toMatchObject([{ code: "model_error" }]);
      expect(model.getRequests()).toHaveLength(3);
    },
  );

  it("does not try again when the endpoint refuses the key", async () => {
    model.onMessage("hello", { error: { message: `Incorrect API key provided: ${KEY}.` }, status: 401 });
    const events = await (await postRun(sluice.url, userInput("hello"))).done;
    await verifyRun(events);
    const [error] = ofType(events, EventType.RUN_ERROR);
    expect(error).toMatchObject({ code: "model_error", message: expect.stringContaining("Incorrect API key") });
    expect(error?.message).not.toContain("sk-test");
    expect(model.getRequests()).toHaveLength(1);
  });

  it("closes the open message before the error when the stream is cut", async () => {
    const pace = { streamingProfile: { ttft: 5, tps: 100 } };
    model.onMessage("hello", { content: "This sentence will never be" }, { truncateAfterChunks: 3, ...pace });
    const events = await (await postRun(sluice.url, userInput("hello"))).done;
    await verifyRun(events);
    expect(textOf(events)).not.toBe("");
    expect("This sentence will never be".startsWith(textOf(events))).toBe(true);
    expect(events.slice(-3).map(({ type }) => type)).toEqual([
      EventType.TEXT_MESSAGE_END,
      EventType.STEP_FINISHED,
      EventType.RUN_ERROR,
    ]);
    expect(events.at(-1)).toMatchObject({ code: "model_error" });
    expect(model.getRequests()).toHaveLength(1); // after the first token, the call is not repeated
  });

  it("keeps the thread usable after a failed run", async () => {
    model.onMessage("first", { error: { message: "no" }, status: 400 });
    model.onMessage("second", { content: "Here I am again." });
    const first = userInput("first");
    const failed = await (await postRun(sluice.url, first)).done;
    expect(failed.at(-1)).toMatchObject({ type: EventType.RUN_ERROR });
    const { threadId } = first;
    expect(textOf(await (await postRun(sluice.url, userInput("second", { threadId }))).done)).toBe("Here I am again.");
  });
});

describe("a model that leaves its reader waiting", () => {
  let model: RawModel;
  let sluice: TestSluice | undefined;

  beforeEach(async () => {
    model = await rawModel();
  });
  afterEach(async () => {
    await sluice?.close();
    await model.close();
  });

  async function start(entry: Partial<AgentEntry> = {}, env: Record<string, string> = {}): Promise<TestSluice> {
    sluice = await startSluice({ assistant: agent(model.baseUrl, entry) }, env);
    return sluice;
  }

  /** Starts a run and waits until the model's first token has reached the client. */
  async function speaking(server: TestSluice, input = userInput("hi")): Promise<[SseRun, ModelCall]> {
    const run = await postRun(server.url, input);
    const call = await model.call();
    call.say("Well, ");
    await run.until(EventType.TEXT_MESSAGE_CONTENT);
    return [run, call];
  }

  it("is cut by the first-event deadline when it never answers, and not asked again", async () => {
    const { url } = await start({ deadlines: { firstEventSeconds: 0.2 } });
    const run = await postRun(url, userInput("hi"));
    const call = await model.call();
    const events = await run.done;
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({
      type: EventType.RUN_ERROR,
      code: "timeout_first_event",
      message: expect.stringContaining("0.2 s"),
    });
    expect(await call.closed).toBe("hung up");
    expect(model.count).toBe(1);
  });

  it("is cut by the idle deadline when it falls silent in the middle of its answer", async () => {
    const [run, call] = await speaking(await start({ deadlines: { idleSeconds: 0.2 } }));
    const events = await run.done;
    await verifyRun(events);
    expect(textOf(events)).toBe("Well, ");
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code: "timeout_idle" });
    expect(events.at(-3)).toMatchObject({ type: EventType.TEXT_MESSAGE_END });
    expect(await call.closed).toBe("hung up");
  });

  it("is cut by the total deadline however steadily it speaks", async () => {
    const [run, call] = await speaking(await start({ deadlines: { totalSeconds: 0.3, idleSeconds: 0.2 } }));
    const stop = new AbortController();
    const endless = (async () => {
      for await (const _ of setInterval(10, undefined, { signal: stop.signal })) call.say("and so on ");
    })();
    const events = await run.done;
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code: "timeout_total" });
    expect(ofType(events, EventType.TEXT_MESSAGE_CONTENT).length).toBeGreaterThan(2);
    expect(await call.closed).toBe("hung up");
    stop.abort();
    await expect(endless).rejects.toThrow(/aborted/);
  });

  it("is hung up on when the client stops the run over HTTP", async () => {
    const server = await start();
    const input = userInput("hi");
    const [run, call] = await speaking(server, input);
    const stopped = await fetch(`${server.url}/agui/agent/assistant/stop/${input.threadId}`, { method: "POST" });
    expect(await stopped.json()).toEqual({ stopped: true });
    expect(await call.closed).toBe("hung up");
    const events = await run.done;
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED, outcome: { type: "cancelled" } });
  });

  it("is hung up on when the client cancels over the WebSocket", async () => {
    const { ws } = await start();
    const client = await connect(`${ws}/ws?protocol=1.0`);
    client.send("hi");
    const call = await model.call();
    call.say("Well, ");
    await client.until(isType(EventType.TEXT_MESSAGE_CONTENT));
    client.send({ type: "cancel" });
    const frames = await client.until(isType(EventType.RUN_FINISHED, EventType.RUN_ERROR));
    expect(await call.closed).toBe("hung up");
    const events = frames.map((frame) => JSON.parse(frame) as AguiEvent);
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED, outcome: { type: "cancelled" } });
    await client.close();
  });

  it.each(["SSE", "WebSocket"])("is hung up on when the last client of its thread is gone (%s)", async (transport) => {
    const server = await start();
    const input = userInput("hi");
    let call: ModelCall;
    if (transport === "SSE") {
      const [run, itsCall] = await speaking(server, input);
      call = itsCall;
      run.abort();
    } else {
      const client = await connect(`${server.ws}/ws`);
      client.send({ type: "run", input });
      call = await model.call();
      call.say("Well, ");
      await client.until(isType(EventType.TEXT_MESSAGE_CONTENT));
      client.socket.terminate();
    }
    expect(await call.closed).toBe("hung up");
    // The repeated request for the same run is answered from the log, with the run's end.
    const events = await (await postRun(server.url, input)).done;
    await verifyRun(events);
    expect(textOf(events)).toBe("Well, ");
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED, outcome: { type: "cancelled" } });
  });

  it("is hung up on when its client was gone before the run had begun", async () => {
    const { ws } = await start({}, { ORPHAN_GRACE_SECONDS: "0.5" }); // the run gets as far as its model
    const client = await connect(`${ws}/ws`);
    for (const input of [userInput("one"), userInput("two"), userInput("three")]) client.send({ type: "run", input });
    client.socket.terminate();
    // The first run begins, and also the others that the server had read before the socket closed.
    for (let begun = 0; begun < Math.max(model.count, 1); begun += 1) {
      const call = await model.call();
      expect(await call.closed).toBe("hung up");
    }
  });

  it("is read to its end for a client that lost its line and came back in time", async () => {
    const server = await start({}, { ORPHAN_GRACE_SECONDS: "20" });
    const input = userInput("hi");
    const [run, call] = await speaking(server, input);
    run.abort();
    const again = await postRun(server.url, input);
    call.say("here you are.");
    call.finish();
    const events = await again.done;
    await verifyRun(events);
    expect(textOf(events)).toBe("Well, here you are.");
    expect(await call.closed).toBe("finished");
    expect(model.count).toBe(1);
  });
});
