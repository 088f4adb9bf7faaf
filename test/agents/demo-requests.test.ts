import { describe, expect, it } from "vitest";
import type { BoundTools, Schema } from "../../src/agents/models/demo-calls.ts";
import { requestsOf } from "../../src/agents/models/demo-requests.ts";

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
        options: { type: "object" },
        maybe: { type: ["null", "number"] },
        usual: { type: "string", default: "as always" },
      },
    },
  });

  it.each([
    ["please change_background", { color: "demo" }],
    ["change_background color=red.", { color: "red" }],
    ["change_background color = red, please", { color: "red" }],
    ['change_background to "linear-gradient(red; blue and green)"', { color: "linear-gradient(red; blue and green)" }],
    ['make it color="dark red" with change_background', { color: "dark red" }],
  ])("%s", (message, args) => {
    expect(requestsOf(message, tools).calls).toEqual([{ name: "change_background", args }]);
  });

  it("fill each argument by its type", () => {
    expect(requestsOf("everything", tools).calls[0]?.args).toEqual({
      text: "demo",
      count: 1,
      on: true,
      kind: "a",
      items: [],
      options: {},
      maybe: 1,
      usual: "as always",
    });
    expect(requestsOf("everything count=2.5 on=false kind=b", tools).calls[0]?.args).toMatchObject({
      count: 2.5,
      on: false,
      kind: "b",
    });
    expect(requestsOf("everything count=many kind=z", tools).calls[0]?.args).toMatchObject({ count: 1, kind: "a" });
  });

  it("give a quoted text to the first text that has none", () => {
    expect(requestsOf('show title=Hi level=high size=3 "and welcome"', tools).calls[0]?.args).toEqual({
      title: "Hi",
      body: "and welcome",
      level: "high",
      size: 3,
    });
    expect(requestsOf('show title="a" and body="b"', tools).calls[0]?.args).toMatchObject({ title: "a", body: "b" });
  });

  it("are called in the order of their names, each with the words that follow, beside those with a rule", () => {
    expect(requestsOf('show "x", then change_background color=blue; what is 2+2?', tools).calls).toMatchObject([
      { name: "calculator" },
      { name: "show", args: { title: "x" } },
      { name: "change_background", args: { color: "blue" } },
    ]);
  });

  it.each(["change_backgrounds", "my-change_background", "Change the background", "change_background_now"])(
    "are not meant by %s",
    (message) => {
      expect(requestsOf(message, tools).calls).toEqual([]);
    },
  );

  it("do not make their arguments requests", () => {
    expect([...requestsOf('show title="error"', tools).shows]).toEqual([]);
  });
});

describe("the demo model: notes", () => {
  const tools = bound({ write_note: {}, calculator: {} });
  const notes = (message: string) => requestsOf(message, tools).calls.map(({ args }) => args);

  it.each([
    ["write a note: buy milk", "Buy milk", "buy milk"],
    ["Please note that the build is green.", "The build is green", "the build is green."],
    ["take a short note about the error", "The error", "the error"],
    ["note: a; b", "A; b", "a; b"],
  ])("%s", (message, title, body) => {
    expect(notes(message)).toEqual([{ title, text: body }]);
    expect([...requestsOf(message, tools).shows]).toEqual([]);
  });

  it("writes several, and does what is asked before them too", () => {
    expect(notes("write two notes: buy milk; call Bob")).toEqual([
      { title: "Buy milk", text: "buy milk" },
      { title: "Call Bob", text: "call Bob" },
    ]);
    expect(requestsOf("what is 2+2? Notes:\n- a\n- b", tools).calls.map(({ name }) => name)).toEqual([
      "calculator",
      "write_note",
      "write_note",
    ]);
  });

  it("cuts a title between words", () => {
    const [note] = notes(`note that ${"word ".repeat(30)}`);
    expect(note?.title).toMatch(/^Word( word)+ …$/);
    expect(String(note?.title).length).toBeLessThanOrEqual(52);
  });

  it("needs something to write, and the tool", () => {
    expect(notes("write a note")).toEqual([]);
    expect(requestsOf("write a note: buy milk", bound({})).calls).toEqual([]);
  });
});
