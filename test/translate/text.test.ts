import { describe, expect, it } from "vitest";
import { verifyRun } from "../support/verify.ts";
import { event, linesOf, modelEnd, modelStart, said, thought, token, translate } from "./events.ts";

describe("tokens of a model", () => {
  it("are one message, opened by the first and closed by the model's end", () => {
    expect(linesOf([modelStart("a"), token("a", "Hel"), token("a", "lo"), modelEnd("a", "Hello")])).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hel"',
      'TEXT_MESSAGE_CONTENT m-a "lo"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("that are empty say nothing", () => {
    expect(linesOf([token("a", ""), token("a", "Hi"), token("a", ""), modelEnd("a", "Hi")])).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hi"',
      "TEXT_MESSAGE_END m-a",
    ]);
    expect(linesOf([token("a", ""), modelEnd("a", "")])).toEqual([]);
  });

  it("belong to their run, whatever the id of a chunk: the one with the usage has another", () => {
    const last = token("a", { id: "run-7", content: "!" });
    expect(linesOf([token("a", "Hi"), last, modelEnd("a", "Hi!")])).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hi"',
      'TEXT_MESSAGE_CONTENT m-a "!"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("of two runs at once are two messages", () => {
    expect(
      linesOf([token("a", "1"), token("b", "x"), token("a", "2"), modelEnd("a"), token("b", "y"), modelEnd("b")]),
    ).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "1"',
      "TEXT_MESSAGE_START m-b",
      'TEXT_MESSAGE_CONTENT m-b "x"',
      'TEXT_MESSAGE_CONTENT m-a "2"',
      "TEXT_MESSAGE_END m-a",
      'TEXT_MESSAGE_CONTENT m-b "y"',
      "TEXT_MESSAGE_END m-b",
    ]);
  });

  it("may come as content blocks", () => {
    const blocks = [
      { type: "text", text: "Hi" },
      { type: "image_url", image_url: "https://x.test/i.png" },
      { type: "text", text: "!" },
    ];
    expect(linesOf([token("a", { content: blocks }), modelEnd("a")])).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hi"',
      'TEXT_MESSAGE_CONTENT m-a "!"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("of a completion model are a message as well", () => {
    const events = [
      event("on_llm_stream", "a", { chunk: { text: "Hi" } }),
      event("on_llm_stream", "a", { chunk: { text: "!" } }),
      event("on_llm_end", "a", { output: { generations: [[{ text: "Hi!" }]] } }),
    ];
    expect(linesOf(events)).toEqual([
      "TEXT_MESSAGE_START run-a",
      'TEXT_MESSAGE_CONTENT run-a "Hi"',
      'TEXT_MESSAGE_CONTENT run-a "!"',
      "TEXT_MESSAGE_END run-a",
    ]);
  });

  it("that are no message at all are passed over", async () => {
    const events = [undefined, null, 7, "text", [], {}, { chunk: null }, { chunk: 7 }, { chunk: { content: 7 } }].map(
      (data) => event("on_chat_model_stream", "a", data),
    );
    expect(linesOf([...events, modelEnd("a")])).toEqual([]);
    await verifyRun(translate(events));
  });
});

describe("the id of a message", () => {
  it("is the run's when the model gave none", () => {
    expect(linesOf([token("a", { id: undefined, content: "Hi" }), modelEnd("a")])[0]).toBe("TEXT_MESSAGE_START run-a");
  });

  it("is the run's when the thread has a message with the model's", () => {
    const history = [{ id: "m-a", role: "user" as const, content: "hi" }];
    expect(linesOf(said("a", ["Hi"]), { history })[0]).toBe("TEXT_MESSAGE_START run-a");
    expect(linesOf(said("a", ["Hi"]), { fresh: history })[0]).toBe("TEXT_MESSAGE_START run-a");
  });

  it("is never that of another message of the run: some endpoints give all the same", () => {
    const same = { id: "chatcmpl-0" };
    const events = ["a", "b", "c"].flatMap((run) => [
      token(run, { ...same, content: run }),
      modelEnd(run, { ...same, content: run }),
    ]);
    const starts = linesOf(events).filter((line) => line.startsWith("TEXT_MESSAGE_START"));
    expect(starts).toEqual(["TEXT_MESSAGE_START chatcmpl-0", "TEXT_MESSAGE_START run-b", "TEXT_MESSAGE_START run-c"]);
  });
});

describe("what a model thinks", () => {
  it("is sent beside its message, and ends when something is said", () => {
    expect(linesOf([thought("a", "hm"), thought("a", "!"), token("a", "Hi"), modelEnd("a", "Hi")])).toEqual([
      "REASONING_START m-a-reasoning",
      "REASONING_MESSAGE_START m-a-reasoning",
      'REASONING_MESSAGE_CONTENT m-a-reasoning "hm"',
      'REASONING_MESSAGE_CONTENT m-a-reasoning "!"',
      "REASONING_MESSAGE_END m-a-reasoning",
      "REASONING_END m-a-reasoning",
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hi"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("again, after something was said, is another block", () => {
    const opened = linesOf([thought("a", "1"), token("a", "x"), thought("a", "2"), modelEnd("a")]).filter((line) =>
      line.startsWith("REASONING_START"),
    );
    expect(opened).toHaveLength(2);
    expect(new Set(opened).size).toBe(2);
  });

  it.each<[string, object]>([
    ["as LangChain's block", { type: "reasoning", reasoning: "hm" }],
    ["as Anthropic's block", { type: "thinking", thinking: "hm" }],
    ["as OpenAI's summaries", { type: "reasoning", summary: [{ type: "summary_text", text: "hm" }] }],
  ])("may come %s", (_, block) => {
    const events = [token("a", { content: [block, { type: "text", text: "Hi" }] as never }), modelEnd("a")];
    const lines = linesOf(events).filter((line) => line.includes("CONTENT"));
    expect(lines).toEqual(['REASONING_MESSAGE_CONTENT m-a-reasoning "hm"', 'TEXT_MESSAGE_CONTENT m-a "Hi"']);
  });

  it("does not leave when reasoning is off, and the rest does", () => {
    const events = [thought("a", "secret"), token("a", "Hi"), thought("a", "secret"), modelEnd("a", "Hi")];
    expect(linesOf(events, { reasoning: false })).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hi"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });
});

describe("with tokens off", () => {
  it("a message leaves once, whole", () => {
    expect(linesOf(said("a", ["Hel", "lo", "!"]), { tokens: false })).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hello!"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("so does what was thought, and what a tool is called with", () => {
    const call = (args: string, more = {}) =>
      token("a", { tool_call_chunks: [{ type: "tool_call_chunk", index: 0, args, ...more }] });
    const events = [
      thought("a", "h"),
      thought("a", "m"),
      call('{"x":', { id: "c", name: "add" }),
      call("1}"),
      modelEnd("a"),
    ];
    expect(linesOf(events, { tokens: false })).toEqual([
      "REASONING_START m-a-reasoning",
      "REASONING_MESSAGE_START m-a-reasoning",
      'REASONING_MESSAGE_CONTENT m-a-reasoning "hm"',
      "REASONING_MESSAGE_END m-a-reasoning",
      "REASONING_END m-a-reasoning",
      "TOOL_CALL_START c add of m-a",
      'TOOL_CALL_ARGS c {"x":1}',
      "TOOL_CALL_END c",
    ]);
  });

  it("a message that is cut short still leaves, with all it said", () => {
    expect(linesOf([token("a", "Hel"), token("a", "lo")], { tokens: false })).toEqual([
      "TEXT_MESSAGE_START m-a",
      'TEXT_MESSAGE_CONTENT m-a "Hello"',
      "TEXT_MESSAGE_END m-a",
    ]);
  });

  it("parallel messages do not mix", () => {
    const events = [token("a", "1"), token("b", "x"), token("a", "2"), token("b", "y"), modelEnd("b"), modelEnd("a")];
    const content = linesOf(events, { tokens: false }).filter((line) => line.includes("CONTENT"));
    expect(content).toEqual(['TEXT_MESSAGE_CONTENT m-b "xy"', 'TEXT_MESSAGE_CONTENT m-a "12"']);
  });
});
