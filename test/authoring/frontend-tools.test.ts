import { type BaseMessage, ToolMessage } from "@langchain/core/messages";
import { Command, MemorySaver } from "@langchain/langgraph";
import { describe, expect, it } from "vitest";
import { assistant } from "../../src/agents/assistant.ts";
import { frontendContext, frontendTools } from "../../src/authoring/frontend-tools.ts";
import { ScriptedModel } from "../agents/scripted-model.ts";
import { demoAssistant, type Turn, take } from "../agents/turn.ts";

const paint = {
  name: "change_background",
  description: "Changes the page's background.",
  parameters: { type: "object", properties: { color: { type: "string" } }, required: ["color"] },
};
const offered = { tools: [paint] };

const scripted = (model: ScriptedModel) => assistant({ model, checkpointer: new MemorySaver() });

async function stored(graph: ReturnType<typeof demoAssistant>): Promise<BaseMessage[]> {
  return (await graph.getState({ configurable: { thread_id: "t" } })).values.messages;
}

/** Returns the result of a call, as the client's next run sends it. */
function result(turn: Turn, content: string) {
  const id = turn.wholes.at(-1)?.tool_calls?.find(({ name }) => name === paint.name)?.id ?? "";
  return { messages: [new ToolMessage({ tool_call_id: id, content })] };
}

describe("frontendTools", () => {
  it("are in the format that bindTools takes", () => {
    expect(frontendTools({ configurable: { ag_ui: offered } })).toEqual([{ type: "function", function: paint }]);
    const [bare] = frontendTools({ configurable: { ag_ui: { tools: [{ name: "beep", description: "Beeps." }] } } });
    expect(bare?.function.parameters).toEqual({ type: "object", properties: {} });
  });

  it("are none when the client brought none", () => {
    for (const configurable of [undefined, {}, { ag_ui: {} }]) {
      expect(frontendTools({ configurable })).toEqual([]);
      expect(frontendContext({ configurable })).toBe("");
    }
  });

  it("leave out names that are taken, by an own tool or by one before", () => {
    const config = { configurable: { ag_ui: { tools: [paint, { ...paint, description: "Again." }] } } };
    expect(frontendTools(config)).toHaveLength(1);
    expect(frontendTools(config, [{ name: paint.name }])).toEqual([]);
  });
});

describe("the assistant with frontend tools", () => {
  it("ends the run when the model calls one, and answers from the result that the next run brings", async () => {
    const graph = demoAssistant();
    const called = await take(graph, "change_background color=red", { offered });
    expect(called.wholes).toHaveLength(1);
    expect(called.wholes[0]?.tool_calls).toMatchObject([{ name: "change_background", args: { color: "red" } }]);
    expect(called.named("on_tool_start")).toEqual([]);
    expect((await graph.getState({ configurable: { thread_id: "t" } })).next).toEqual([]);

    const answered = await take(graph, result(called, "It is red now."), { offered });
    expect(answered.answer).toBe("The tool `change_background` returned: It is red now.\n\n(demo model)");
    expect((await stored(graph)).map(({ type }) => type)).toEqual(["human", "ai", "tool", "ai"]);
  });

  it("runs its own tools first when one message calls both kinds", async () => {
    const graph = demoAssistant();
    const called = await take(graph, "what is 2+2 and change_background color=red", { offered });
    expect(called.wholes[0]?.tool_calls?.map(({ name }) => name)).toEqual(["calculator", "change_background"]);
    expect(called.named("on_tool_end")).toHaveLength(1);
    expect(called.named("on_tool_error")).toEqual([]);
    expect(called.wholes).toHaveLength(1);
    expect((await stored(graph)).map(({ type }) => type)).toEqual(["human", "ai", "tool"]);

    const answered = await take(graph, result(called, "red"), { offered });
    expect(answered.answer).toContain("2+2 = 4\n\nThe tool `change_background` returned: red");
  });

  it("asks first, and calls the frontend's tool when the run is resumed", async () => {
    const graph = demoAssistant();
    await take(graph, "interrupt and change_background color=red", { offered });
    const resumed = await take(graph, new Command({ resume: "go on" }), { offered });
    expect(resumed.wholes.at(-1)?.tool_calls).toMatchObject([{ name: "change_background" }]);
    expect((await graph.getState({ configurable: { thread_id: "t" } })).next).toEqual([]);
  });

  it("lets the model know that no result came when the person went on, and stores nothing of it", async () => {
    const model = new ScriptedModel([{ name: paint.name, id: "c1" }], "As you like.", "Still here.");
    const graph = scripted(model);
    await take(graph, "paint it", { offered });
    await take(graph, "never mind", { offered });
    expect(model.asked[1]?.messages.map(({ type }) => type)).toEqual(["system", "human", "ai", "tool", "human"]);
    expect(model.asked[1]?.messages[3]).toMatchObject({
      tool_call_id: "c1",
      content: expect.stringContaining("No result came"),
    });
    expect((await stored(graph)).map(({ type }) => type)).toEqual(["human", "ai", "human", "ai"]);
  });

  it("binds them for one run only", async () => {
    const model = new ScriptedModel("one", "two");
    const graph = scripted(model);
    await take(graph, "a", { offered });
    await take(graph, "b");
    expect(model.asked.map(({ tools }) => tools.includes(paint.name))).toEqual([true, false]);
  });

  it("keeps its own tool when the frontend brings one of the same name", async () => {
    const model = new ScriptedModel([{ name: "calculator", args: { expression: "1+1" }, id: "c1" }], "2");
    const turn = await take(scripted(model), "1+1", { offered: { tools: [{ ...paint, name: "calculator" }] } });
    expect(turn.named("on_tool_end")).toHaveLength(1);
    expect(model.asked[0]?.tools.filter((name) => name === "calculator")).toHaveLength(1);
    expect(model.asked).toHaveLength(2);
  });

  it("lets the model know when it calls a tool that nobody has", async () => {
    const model = new ScriptedModel([{ name: "fly", id: "c1" }], "I cannot.");
    const graph = scripted(model);
    await take(graph, "fly", { offered });
    expect((await stored(graph))[2]?.text).toContain('Tool "fly" not found');
  });

  it("adds what the client says about itself to the prompt, for one run only", async () => {
    const model = new ScriptedModel("one", "two");
    const graph = scripted(model);
    await take(graph, "a", { offered: { context: [{ description: "The open page", value: "Invoices" }] } });
    await take(graph, "b");
    const [first, second] = model.asked.map(({ messages }) => messages[0]?.text);
    expect(first?.endsWith("\n- The open page: Invoices")).toBe(true);
    expect(second).not.toContain("Invoices");
    expect((await stored(graph)).map(({ type }) => type)).toEqual(["human", "ai", "human", "ai"]);
  });
});
