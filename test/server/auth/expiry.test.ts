/** Over SSE: the warning before a sign-in expires, its end, and the way back without a lost event. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { HttpAgent, type RunAgentParameters } from "@ag-ui/client";
import { HttpAgent as HttpAgent0 } from "ag-ui-client-0.0.59";
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { SsePeer, type SsePeerOptions } from "../../../src/server/sse-peer.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { textOf, userInput } from "../../support/sse-client.ts";
import { dataOf, eventsOf, openSse, type SseFrame, watchSse } from "../../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { inSeconds, JWT, token } from "../../support/tokens.ts";
import { verifyRun } from "../../support/verify.ts";

let model: SteppedModel;
let sluice: TestSluice;
beforeAll(async () => {
  model = new SteppedModel();
  const agents = { chat: { graph: chatGraph(model) } };
  sluice = await startSluice(agents, { ...JWT, LANGGRAPH_API: "true", ORPHAN_GRACE_SECONDS: "20" });
});
afterAll(() => sluice.close());

const WARNING = "sluice.token_expiring";
const bearer = async (expires: number | string = "5m") => ({
  authorization: `Bearer ${await token({}, expires)}`,
});
/** A token that is soon to expire: the warning comes at once. */
const soon = () => bearer(inSeconds(30));
/** A token that expires now. */
const brief = () => bearer(inSeconds(2));

const has = (text: string) => (frame: SseFrame) => frame.data?.includes(text) === true;
const named = (name: string) => (event: AguiEvent) => event.type === EventType.CUSTOM && event.name === name;
const cursorOf = (frames: readonly SseFrame[]) => frames.findLast(({ id }) => id !== undefined)?.id ?? "";
const withoutOwn = (events: readonly AguiEvent[]) =>
  events.filter((event) => !named(WARNING)(event) && !named("sluice.error")(event));

describe("a response whose sign-in expires", () => {
  it("is warned once, after the run's start, and without a position", async () => {
    const run = await openSse(`${sluice.url}/agui`, userInput("hi"), await soon());
    await run.until(has(WARNING));
    model.say("hello").end();
    const frames = await run.done;
    const events = eventsOf(dataOf(frames));
    expect(events[0]?.type).toBe(EventType.RUN_STARTED);
    expect(events.filter(named(WARNING))).toEqual([
      { type: EventType.CUSTOM, name: WARNING, value: { expiresInSeconds: expect.any(Number) } },
    ]);
    expect(frames.find(has(WARNING))?.id).toBeUndefined();
    await verifyRun(events);
  });

  it("gets a legal sequence where the run is over, or the thread idle, whether it can still be warned or not", async () => {
    const input = userInput("hi");
    const run = await openSse(`${sluice.url}/agui`, input, await bearer());
    model.say("hello").end();
    await run.done;
    for (const path of ["/agui", "/agui/agent/chat/connect"]) {
      const again = await openSse(`${sluice.url}${path}`, input, await soon());
      await verifyRun(eventsOf(dataOf(await again.done)));
    }
  });

  it("is not warned where the sign-in lasts", async () => {
    const run = await openSse(`${sluice.url}/agui`, userInput("hi"), await bearer());
    model.say("hello").end();
    expect(eventsOf(dataOf(await run.done)).filter(named(WARNING))).toEqual([]);
  });

  it("ends with the error and is cut; with a newer token its client has every event once", async () => {
    const input = userInput("count");
    const run = await openSse(`${sluice.url}/agui`, input, await brief());
    model.say("one ");
    await run.until(has("one "));
    await expect(run.done).rejects.toThrow();
    const error = { code: "unauthorized", message: "The sign-in has expired.", retryable: false };
    expect(JSON.parse(run.frames.at(-1)?.data ?? "")).toEqual({
      type: EventType.CUSTOM,
      name: "sluice.error",
      value: error,
    });
    model.say("two ");
    const after = { "last-event-id": cursorOf(run.frames) };
    const refused = await openSse(`${sluice.url}/agui`, input, after).catch(String);
    expect(refused).toMatch(/401/);
    const again = await openSse(`${sluice.url}/agui`, input, { ...after, ...(await bearer()) });
    model.say("three").end();
    const whole = withoutOwn(eventsOf(dataOf([...run.frames, ...(await again.done)])));
    expect(textOf(whole)).toBe("one two three");
    await verifyRun(whole);
  });

  it("that watches is warned between runs too", async () => {
    const input = userInput("hi");
    const run = await openSse(`${sluice.url}/agui`, input, await bearer());
    model.say("hello").end();
    const after = cursorOf(await run.done);
    const path = `${sluice.url}/threads/${input.threadId}/events`;
    for (const url of [path, `${path}?after=${after}`]) {
      const watch = await watchSse(url, await soon());
      const events = eventsOf(dataOf(await watch.until(has(WARNING))));
      expect(events.map(({ type }) => type).slice(0, 1)).toEqual([url === path ? "RUN_STARTED" : "CUSTOM"]);
      watch.abort();
    }
  });

  it("in the form of LangGraph's API is cut without such events", async () => {
    const thread = "00000000-0000-4000-8000-000000000001";
    const headers = { ...(await brief()), "content-type": "application/json" };
    const url = `${sluice.url}/langgraph/threads`;
    await fetch(url, { method: "POST", headers, body: JSON.stringify({ thread_id: thread }) });
    const body = { assistant_id: "chat", input: { messages: [{ role: "user", content: "hi" }] } };
    const response = await fetch(`${url}/${thread}/runs/stream`, {
      method: "POST",
      headers,
      body: JSON.stringify(body),
    });
    expect(response.status).toBe(200);
    let text = "";
    const read = async () => {
      const decoder = new TextDecoder();
      for await (const bytes of response.body ?? []) text += decoder.decode(bytes, { stream: true });
    };
    await expect(read()).rejects.toThrow();
    expect(text).toContain("event: metadata");
    expect(text).not.toContain("sluice.");
    model.end();
  });
});

/** After a cut both clients cancel the body, and do not handle its rejection. */
async function cancelled(url: string | URL | Request, init?: RequestInit): Promise<Response> {
  const response = await fetch(url, init);
  const reader = response.body?.getReader();
  const getReader = () => ({ read: () => reader?.read(), cancel: () => reader?.cancel().catch(() => {}) });
  return Object.defineProperty(response, "body", { value: { getReader } });
}

describe("a frame that no log holds", () => {
  type Sequence = Pick<SsePeerOptions, "continues" | "ends">;

  async function body(sequence: Sequence, write: (peer: SsePeer) => void): Promise<string> {
    const server = createServer((_, response) => {
      const peer = new SsePeer(response, { ...sequence, heartbeatMs: 60_000, drainMs: 60_000, slow: () => {} });
      write(peer);
      peer.end();
    });
    await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
    const text = await (await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`)).text();
    server.close();
    return text;
  }

  it("comes after the first event of a sequence, not before it", async () => {
    const text = await body({ continues: false, ends: true }, (peer) => {
      peer.sendUnlogged("warning ");
      void peer.send(["start ", "end "]);
    });
    expect(text).toBe("start warning end ");
  });

  it("comes first where a response goes on with a sequence", async () => {
    const text = await body({ continues: true, ends: true }, (peer) => {
      peer.sendUnlogged("warning ");
      void peer.send(["more ", "end "]);
    });
    expect(text).toBe("warning more end ");
  });

  it("does not come after an end that the client has not taken yet", async () => {
    const text = await body({ continues: true, ends: true }, (peer) => {
      void peer.send(["x".repeat(8_000_000), "end "]);
      peer.sendUnlogged("warning ");
    });
    expect(text.slice(-5)).toBe("xend ");
  });

  it("comes in a watch also when its client has not taken the last frames yet: none may follow", async () => {
    const text = await body({ continues: true, ends: false }, (peer) => {
      void peer.send(["x".repeat(8_000_000), "end "]);
      peer.sendUnlogged("warning ");
    });
    expect(text.slice(-13)).toBe("xend warning ");
  });

  it("waits for no keep-alive", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    onTestFinished(() => void vi.useRealTimers());
    const text = await body({ continues: true, ends: true }, (peer) => {
      vi.advanceTimersByTime(60_000);
      peer.sendUnlogged("warning ");
    });
    expect(text).toBe(": keep-alive\n\nwarning ");
  });
});

describe.each([
  ["1.0", HttpAgent],
  ["0.0.59", HttpAgent0],
])("@ag-ui/client %s", (_, Agent) => {
  interface Heard {
    readonly event: { readonly name?: string };
  }
  const agent = async (headers: Record<string, string>) => {
    const made = new (Agent as typeof HttpAgent)({ url: `${sluice.url}/agui`, headers, fetch: cancelled });
    made.addMessage({ id: crypto.randomUUID(), role: "user", content: "hi" });
    const names: (string | undefined)[] = [];
    const heard = { onCustomEvent: ({ event }: Heard) => void names.push(event.name) };
    const run = (parameters: RunAgentParameters = {}) =>
      made.runAgent(parameters, heard as Parameters<HttpAgent["runAgent"]>[1]);
    return { made, names, run };
  };

  beforeEach(() => model.say("a ", "b"));

  it("hears the warning, and its run goes on to its end", async () => {
    const { made, names, run } = await agent(await soon());
    const running = run();
    await expect.poll(() => names).toContain(WARNING);
    model.end();
    await running;
    expect(made.messages.at(-1)).toMatchObject({ role: "assistant", content: "a b" });
  });

  it("does not take the end of the sign-in for the run's", async () => {
    const { names, run } = await agent(await brief());
    await expect(run()).rejects.toThrow();
    expect(names).toContain("sluice.error");
    model.end();
  });
});
