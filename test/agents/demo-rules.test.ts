import { describe, expect, it } from "vitest";
import { requestsOf } from "../../src/agents/models/demo-rules.ts";
import type { BoundTools, Schema } from "../../src/agents/models/demo-tools.ts";

const bound = (tools: Record<string, Schema>): BoundTools => new Map(Object.entries(tools));
const text = { type: "string" };

describe("the demo model: tools it has no rule for", () => {
  const tools = bound({
    calculator: {},
    change_background: { properties: { color: text } },
    show: { properties: { title: text, body: text, level: { enum: ["low", "high"] }, size: { type: "integer" } } },
    everything: {
      properties: {
        text,
        count: { type: "number" },
        on: { type: "boolean" },
        kind: { type: "string", enum: ["a", "b"] },
        items: { type: "array" },
        maybe: { type: ["null", "number"] },
        usual: { type: "string", default: "as always" },
      },
    },
  });

  it.each([
    ["please change_background", { color: "demo" }],
    ["Change_background, please", { color: "demo" }],
    ["change_background color=red.", { color: "red" }],
    ['change_background to "linear-gradient(red; blue and green)"', { color: "linear-gradient(red; blue and green)" }],
    ['make it color="dark red" with change_background', { color: "dark red" }],
  ])("%s", (message, args) => {
    expect(requestsOf(message, tools).calls).toEqual([{ name: "change_background", args }]);
  });

  it("fill each argument by its type", () => {
    const args = (message: string) => requestsOf(message, tools).calls[0]?.args;
    const usual = { text: "demo", count: 1, on: true, kind: "a", items: [], maybe: 1, usual: "as always" };
    expect(args("everything")).toEqual(usual);
    expect(args("everything count=2.5 on=false kind=b")).toMatchObject({ count: 2.5, on: false, kind: "b" });
    expect(args("everything count=many kind=z")).toMatchObject({ count: 1, kind: "a" });
    expect(args('show title=Hi level=high size=3 "and welcome"')).toEqual({
      ...{ title: "Hi", body: "and welcome", level: "high", size: 3 },
    });
  });

  it("are called beside those with a rule", () => {
    const names = requestsOf("what is 2+2 and change_background color=blue", tools).calls.map(({ name }) => name);
    expect(names).toEqual(["calculator", "change_background"]);
  });

  it.each(["change_backgrounds", "my-change_background", "Change the background"])("are not meant by %s", (message) => {
    expect(requestsOf(message, tools).calls).toEqual([]);
  });

  it("do not make their arguments requests", () => {
    expect([...requestsOf('show title="error"', tools).shows]).toEqual([]);
  });
});

describe("the demo model: notes", () => {
  const tools = bound({ write_note: {}, calculator: {} });
  const notes = (message: string) => requestsOf(message, tools).calls.map(({ args }) => args);

  it("has all that comes after the request in them", () => {
    expect(notes("write a note: buy milk. An error!")).toEqual([
      { title: "Buy milk. An error!", text: "buy milk. An error!" },
    ]);
    expect([...requestsOf("write a note: an error", tools).shows]).toEqual([]);
    expect(notes("write two notes: buy milk; call Bob")).toEqual([
      { title: "Buy milk", text: "buy milk" },
      { title: "Call Bob", text: "call Bob" },
    ]);
  });

  it("needs something to write, and the tool", () => {
    expect(notes("write a note")).toEqual([]);
    expect(requestsOf("write a note: buy milk", bound({})).calls).toEqual([]);
  });
});
