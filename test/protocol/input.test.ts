import { describe, expect, it } from "vitest";
import { narrowingTo, parseRunAgentInput, parseRunOptions } from "../../src/protocol/input.ts";

const user = { id: "u", role: "user", content: "hi" };
const body = { threadId: "t", runId: "r", messages: [user] };

function bad(...says: string[]) {
  const message = says.map((part) => expect.stringContaining(part));
  return expect.objectContaining({ code: "bad_request", message: message[0] });
}

describe("a RunAgentInput", () => {
  it("needs no more than ids and messages; tools and context are empty then", () => {
    expect(parseRunAgentInput(body)).toEqual({ ...body, tools: [], context: [] });
  });

  it("is refused when it is nested deeper than anything that walks it could bear", () => {
    const nested = (depth: number) => ({ ...body, state: JSON.parse("[".repeat(depth) + "]".repeat(depth)) });
    expect(parseRunAgentInput(nested(63))).toMatchObject(body);
    expect(() => parseRunAgentInput(nested(64))).toThrow(bad("64 levels"));
    expect(() => parseRunAgentInput(nested(100_000))).toThrow(bad("64 levels"));
  });

  it("may hold members nobody knows", () => {
    const sent = { ...body, data: { legacy: true }, messages: [{ ...user, parts: [] }] };
    expect(parseRunAgentInput(sent)).toMatchObject(body);
  });

  it.each([
    ["no object", 7, "RunAgentInput"],
    ["no thread", { ...body, threadId: undefined }, "threadId"],
    ["messages that are none", { ...body, messages: "hi" }, "messages"],
    ["a message without role", { ...body, messages: [{ id: "u", content: "hi" }] }, "messages.0"],
    ["a thread that is no id", { ...body, threadId: "a\nb" }, "threadId"],
    ["a run that is no id", { ...body, runId: "" }, "runId"],
  ])("is refused with %s, naming it", (_, value, name) => {
    expect(() => parseRunAgentInput(value)).toThrow(bad(name));
  });
});

describe("what a run asks of Sluice", () => {
  const options = (forwardedProps: unknown) => parseRunOptions(parseRunAgentInput({ ...body, forwardedProps }));

  it("may be nothing", () => {
    expect(options(undefined)).toEqual({});
    expect(options("text")).toEqual({});
    expect(options({ theirs: 1 })).toEqual({});
  });

  it("is events, tokens and reasoning", () => {
    const sluice = { events: ["on_tool_*"], tokens: false, reasoning: false };
    expect(options({ sluice })).toEqual(sluice);
  });

  it.each([
    ["an event nobody knows", { events: ["on_tool_*", "on_tokens"] }, 'unknown event name "on_tokens"'],
    ["tokens that are no flag", { tokens: "false" }, "forwardedProps.sluice, field tokens"],
    ["no object", "all", "forwardedProps.sluice"],
  ])("is refused with %s", (_, sluice, says) => {
    expect(() => options({ sluice })).toThrow(bad(says));
  });

  it("becomes an allow-list only when it names events", () => {
    expect(narrowingTo(undefined)).toBeUndefined();
    expect(narrowingTo([])).toEqual({ events: [] });
  });
});
