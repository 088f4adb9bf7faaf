import { HumanMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { describe, expect, it } from "vitest";
import { z } from "zod";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { calculator } from "../../src/agents/tools/calculator.ts";
import { convertUnits } from "../../src/agents/tools/convert-units.ts";
import { demoAssistant, INSTANT, Turn, take } from "./turn.ts";

/** Runs the model with a fake clock, and returns its waiting times. */
async function waitsFor(message: string, options: { jitter?: number } = {}): Promise<number[]> {
  const waits: number[] = [];
  const sleep = async (ms: number) => {
    waits.push(ms);
  };
  await new DemoChatModel({ ...options, sleep }).invoke(message);
  return waits;
}

describe("DemoChatModel: pace", () => {
  it("waits 150 ms for the first token and 25 ms, give or take 30%, for each of the others", async () => {
    const [first, ...others] = await waitsFor("hello");
    expect(first).toBe(150);
    expect(others.length).toBeGreaterThan(40);
    expect(Math.min(...others)).toBeGreaterThanOrEqual(17.5);
    expect(Math.max(...others)).toBeLessThanOrEqual(32.5);
    expect(others.reduce((sum, ms) => sum + ms, 0) / others.length).toBeCloseTo(25, -1);
  });

  it("waits the same time for each without jitter", async () => {
    expect(new Set((await waitsFor("hello", { jitter: 0 })).slice(1))).toEqual(new Set([25]));
  });

  it("starts after 3 s and stays slow when asked to be slow", async () => {
    const [first, second] = await waitsFor("slow", { jitter: 0 });
    expect([first, second]).toEqual([3000, 250]);
  });

  it("shares a wait among tokens when a timer could not be that short", async () => {
    const waits: number[] = [];
    const model = new DemoChatModel({
      firstTokenMs: 0,
      tokensPerSecond: 4000,
      jitter: 0,
      sleep: async (ms) => {
        waits.push(ms);
      },
    });
    const { usage_metadata } = await model.invoke("hello");
    expect(waits).toHaveLength(Math.floor((usage_metadata?.output_tokens ?? 0) / 4));
    expect(new Set(waits)).toEqual(new Set([1]));
  });
});

describe("DemoChatModel: ends", () => {
  it("stops while it waits for its first token", async () => {
    const controller = new AbortController();
    const started = performance.now();
    const answer = new DemoChatModel({ firstTokenMs: 60_000 }).invoke("hello", { signal: controller.signal });
    setImmediate(() => controller.abort());
    await expect(answer).rejects.toThrow(/abort/i);
    expect(performance.now() - started).toBeLessThan(5_000);
  });

  it("stops in the middle of its answer", async () => {
    const controller = new AbortController();
    const model = new DemoChatModel({ firstTokenMs: 0, tokensPerSecond: 0.01 });
    const tokens: string[] = [];
    const read = async () => {
      for await (const chunk of await model.stream("hello", { signal: controller.signal })) {
        tokens.push(chunk.text);
        controller.abort();
      }
    };
    await expect(read()).rejects.toThrow(/abort/i);
    expect(tokens).toEqual(["I"]);
  });

  it("stops without timers too", async () => {
    const controller = new AbortController();
    let seen = new Turn();
    const run = take(demoAssistant(), "hello", {
      signal: controller.signal,
      onEvent: ({ event }, turn) => {
        seen = turn;
        if (event === "on_chat_model_stream") controller.abort();
      },
    });
    await expect(run).rejects.toThrow(/abort/i);
    expect(seen.named("on_chat_model_end")).toHaveLength(0);
  });

  it("fails after a few tokens when asked for an error", async () => {
    let seen = new Turn();
    const run = take(demoAssistant(), "error", {
      onEvent: (_, turn) => {
        seen = turn;
      },
    });
    await expect(run).rejects.toThrow("The demo model was asked to fail.");
    expect(seen.named("on_chat_model_stream")).toHaveLength(4);
  });

  it("calls the tool first when asked for a tool and an error", async () => {
    let seen = new Turn();
    const run = take(demoAssistant(), "use a tool and show an error", {
      onEvent: (_, turn) => {
        seen = turn;
      },
    });
    await expect(run).rejects.toThrow("The demo model was asked to fail.");
    expect(seen.named("on_tool_end")).toHaveLength(1);
  });
});

describe("DemoChatModel: as a LangChain model", () => {
  it("returns the same message from invoke and from a stream", async () => {
    const whole = await new DemoChatModel(INSTANT).invoke("think, what can you do?");
    const chunks = [];
    for await (const chunk of await new DemoChatModel(INSTANT).stream("think, what can you do?")) chunks.push(chunk);
    const joined = chunks.reduce((message, chunk) => message.concat(chunk));
    expect(chunks.length).toBeGreaterThan(20);
    expect(joined.text).toBe(whole.text);
    expect(new Set(chunks.map(({ id }) => id)).size).toBe(1);
    expect(joined.usage_metadata).toEqual(whole.usage_metadata);
    expect(joined.additional_kwargs).toEqual(whole.additional_kwargs);
    expect(joined.response_metadata).toMatchObject({ finish_reason: "stop", model_name: "demo" });
  });

  it("gives the same question a new message each time", async () => {
    const model = new DemoChatModel(INSTANT);
    const question = [new HumanMessage({ id: "q", content: "hello" })];
    const ids = [(await model.invoke(question)).id, (await model.invoke(question)).id];
    expect(ids[0]).not.toBe(ids[1]);
  });

  it("calls only what is bound, and says so", async () => {
    const model = new DemoChatModel(INSTANT);
    const unbound = await model.invoke("use a tool: what is 2+2?");
    expect(unbound.tool_calls).toEqual([]);
    expect(unbound.text).toContain("I have no tool for that here.");

    const bound = model.bindTools([calculator]);
    expect((await bound.invoke("what is 2+2?")).tool_calls).toMatchObject([{ name: "calculator" }]);
    expect((await bound.invoke("what time is it?")).tool_calls).toEqual([]);
    expect((await bound.invoke("what is 2+2?", { tool_choice: "none" })).tool_calls).toEqual([]);
  });

  it.each([
    ["digits", "1".repeat(200_000)],
    ["spaces", `a${" ".repeat(200_000)}b`],
    ["signs", `1+(${"-".repeat(200_000)}a`],
    ["beginnings of passages", "<passages>".repeat(50_000)],
    ["passages without an end", `<passages>${'<passage id="1" file="a" heading="b">\n'.repeat(20_000)}</passages>`],
  ])("is not held up by a message of very many %s", async (_, message) => {
    const started = performance.now();
    await new DemoChatModel(INSTANT).bindTools([calculator, convertUnits]).invoke(message);
    expect(performance.now() - started).toBeLessThan(2_000);
  });

  it("introduces itself by what the bound tools allow, and no more", async () => {
    const model = new DemoChatModel(INSTANT);
    const refund = tool(() => "", { name: "refund", schema: z.object({}) });
    const { text } = await model.bindTools([refund]).invoke("hello");
    expect(text).toContain("A message with refund calls it. The words think, error and slow in a message");
    expect(text).not.toMatch(/Ask me|12 \* 7/);
  });

  it("names itself to tracers", async () => {
    const { events } = await take(demoAssistant(), "hello");
    expect(events.find(({ event }) => event === "on_chat_model_start")?.metadata).toMatchObject({
      ls_provider: "sluice",
      ls_model_name: "demo",
      ls_model_type: "chat",
    });
  });
});
