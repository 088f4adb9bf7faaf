/**
 * The pages of AG-UI's dojo with a LangGraph back end: graphs like those of its examples, and the events that each page
 * needs.
 *
 * Three pages have no graph here. `a2a_chat` is a page of A2A: a middleware in its runtime calls other servers, and its
 * agent is a chat with one frontend tool. `crew_chat` shows a crew of CrewAI. `vnext_chat` is the agentic chat in another
 * version of CopilotKit's components.
 */

import { dispatchCustomEvent } from "@langchain/core/callbacks/dispatch";
import type { BindToolsInput } from "@langchain/core/language_models/chat_models";
import { type AIMessage, SystemMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import {
  Annotation,
  Command,
  END,
  interrupt,
  MemorySaver,
  MessagesAnnotation,
  START,
  StateGraph,
} from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { AgentEntry } from "../../../src/config/agents.ts";
import { EventType } from "../../../src/protocol/events.ts";
import type { TestRuns } from "../../runs/scripted.ts";
import { DojoModel, dojoPage, HI, lines, theme, wishing, withTools } from "./dojo.ts";

let model: DojoModel;
let subject: TestRuns | undefined;
beforeEach(() => {
  model = new DojoModel();
});
afterEach(async () => {
  await subject?.close(0);
});

function page(graph: object, entry: Partial<AgentEntry> = {}) {
  const opened = dojoPage(graph, entry);
  subject = opened.runs;
  return opened;
}

describe("agentic chat, and tool-based generative UI", () => {
  const Keys = {
    "state.tools": (state: { tools?: { name: string }[] }) => state.tools,
    "state.copilotkit.actions": (state: { copilotkit?: { actions: { name: string }[] } }) => state.copilotkit?.actions,
    'state["ag-ui"].tools': (state: { "ag-ui"?: { tools: { name: string }[] } }) => state["ag-ui"]?.tools,
  };

  it.each(Object.entries(Keys))("find the frontend's tools in %s", async (_, toolsOf) => {
    const State = Annotation.Root({
      ...withTools,
      copilotkit: Annotation<{ actions: { name: string }[]; context: object[] }>(),
      "ag-ui": Annotation<{ tools: { name: string }[]; context: object[] }>(),
    });
    const seen: object[][] = [];
    const graph = new StateGraph(State)
      .addNode("chat_node", async (state, config) => {
        seen.push(state.copilotkit.context, state["ag-ui"].context);
        const bound = model.bindTools([...(toolsOf(state) ?? [])] as BindToolsInput[]);
        const response = await bound.invoke([new SystemMessage("Help."), ...state.messages], config);
        return new Command({ goto: END, update: { messages: [response] } });
      })
      .addEdge(START, "chat_node")
      .compile({ checkpointer: new MemorySaver() });
    const run = page(graph);
    model.calling("paint", "c1", "{}");
    expect(lines(await run({ context: theme }))).toEqual([
      "+chat_node",
      "call paint",
      "args {}",
      "-chat_node",
      'finished {"type":"success","pendingToolCallIds":["c1"]}',
    ]);
    expect([model.bound, seen]).toEqual([["paint"], [theme, theme]]);
    // The page has run the tool.
    model.say("Painted.").end();
    const result = { id: "r1", role: "tool" as const, toolCallId: "c1", content: "done" };
    expect(lines(await run({ runId: "r2", messages: [HI, result], tools: [] }))).toContain("text Painted.");
    // Tools of an earlier run are not those of this one.
    expect(model.bound).toEqual([]);
  });

  it("leave a key to its clients, or to the graph, where the entry says so", async () => {
    const State = Annotation.Root({ ...MessagesAnnotation.spec, tools: Annotation<unknown>() });
    const seen: unknown[] = [];
    const graph = () =>
      new StateGraph(State)
        .addNode("look", ({ tools }) => {
          seen.push(tools);
          return { messages: [] };
        })
        .addEdge(START, "look")
        .compile({ checkpointer: new MemorySaver() });
    await page(graph(), { compat: "none" })();
    await subject?.close(0);
    await page(graph(), { state: ["tools"] })({ state: { tools: ["mine"] } });
    expect(seen).toEqual([undefined, ["mine"]]);
  });
});

describe("backend tool rendering", () => {
  it("shows the call and its result", async () => {
    const weather = tool(() => "sunny", { name: "get_weather", description: "Weather", schema: z.object({}) });
    const graph = new StateGraph(Annotation.Root(withTools))
      .addNode("chat_node", async (state, config) => ({
        messages: await model.bindTools([...state.tools, weather]).invoke(state.messages, config),
      }))
      .addNode("tool_node", new ToolNode([weather]))
      .addEdge(START, "chat_node")
      .addConditionalEdges("chat_node", ({ messages }) => (ToolMessage.isInstance(messages.at(-2)) ? END : "tool_node"))
      .addEdge("tool_node", "chat_node")
      .compile({ checkpointer: new MemorySaver() });
    model.calling("get_weather", "c1", "{}").say("It is sunny.").end();
    expect(lines(await page(graph)())).toEqual([
      "+chat_node",
      "call get_weather",
      "args {}",
      "-chat_node",
      "+tool_node",
      "result sunny",
      "-tool_node",
      "+chat_node",
      "text It is sunny.",
      "-chat_node",
      "finished {}",
    ]);
    expect(model.bound).toEqual(["paint", "get_weather"]);
  });
});

const write = { type: "function", function: { name: "write_document", description: "Writes", parameters: {} } };
const Document = Annotation.Root({ ...withTools, document: Annotation<string | undefined>() });
const DOCUMENT = [{ state_key: "document", tool: "write_document", tool_argument: "document" }];

/** The dojo's page for predictive state updates. */
function writer(wish: object) {
  return new StateGraph(Document)
    .addNode("chat_node", async (state, config) => {
      const bound = model.bindTools([...state.tools, write]);
      const response = await bound.invoke(state.messages, wishing(config, wish));
      const call = response.tool_calls?.[0];
      if (!call) return new Command({ goto: END, update: { messages: [response] } });
      const written = new ToolMessage({ tool_call_id: call.id ?? "", content: "Document written." });
      const { document } = call.args as { document: string };
      return new Command({ goto: END, update: { messages: [response, written], document } });
    })
    .addEdge(START, "chat_node")
    .compile({ checkpointer: new MemorySaver() });
}

describe("predictive state updates", () => {
  it.each(["predict_state", "copilotkit:emit-intermediate-state"])(
    "say with %s how the arguments become the state, and send the state when it has them",
    async (wish) => {
      model.calling("write_document", "c1", '{"document":"Once', ' upon"}');
      expect(lines(await page(writer({ [wish]: DOCUMENT }), { state: ["document"] })())).toEqual([
        "+chat_node",
        "state {}",
        `PredictState ${JSON.stringify(DOCUMENT)}`,
        "call write_document",
        'args {"document":"Once upon"}',
        "result Document written.",
        "-chat_node",
        'state {"document":"Once upon"}',
        'state {"document":"Once upon"}',
        "finished {}",
      ]);
    },
  );

  it("say nothing of keys that are not exposed, nor of other tools, nor of a wish that is none", async () => {
    for (const [wish, state] of [
      [DOCUMENT, []],
      [[{ ...DOCUMENT[0], tool: "other" }], ["document"]],
      ["document", ["document"]],
      [[{ state_key: "document" }, 7], ["document"]],
    ] as const) {
      model.calling("write_document", "c1", '{"document":"Once"}');
      const events = lines(await page(writer({ predict_state: wish }), { state: [...state] })());
      expect(events.filter((line) => line.startsWith("PredictState"))).toEqual([]);
      await subject?.close(0);
    }
  });

  it("are taken back when the graph does not take them", async () => {
    const graph = new StateGraph(Document)
      .addNode("chat_node", async (state, config) => ({
        messages: [await model.invoke(state.messages, wishing(config, { predict_state: DOCUMENT }))],
      }))
      .addNode("after", () => ({ messages: [] }))
      .addEdge(START, "chat_node")
      .addEdge("chat_node", "after")
      .compile({ checkpointer: new MemorySaver() });
    model.calling("write_document", "c1", '{"document":"Wrong"}');
    const events = lines(await page(graph, { state: ["document"] })({ state: { document: "Mine" } }));
    // The page's copy of the document comes from the arguments: it is sent again, though it has not changed.
    const after = events.slice(events.indexOf("-chat_node"));
    expect(after.slice(0, 4)).toEqual(["-chat_node", "+after", "-after", 'state {"document":"Mine"}']);
  });

  it("stay until the tool has written them, where another node carries the call out", async () => {
    const State = Annotation.Root({
      ...withTools,
      document: Annotation<string | undefined>(),
      turns: Annotation<number>({ reducer: (x, y) => x + y, default: () => 0 }),
    });
    const graph = new StateGraph(State)
      .addNode("chat_node", async (state, config) => {
        const response = await model.invoke(state.messages, wishing(config, { predict_state: DOCUMENT }));
        return { messages: [response], turns: 1 };
      })
      .addNode("write_node", ({ messages }) => {
        const calls = (messages.at(-1) as AIMessage).tool_calls ?? [];
        const written = calls.map(({ id = "" }) => new ToolMessage({ tool_call_id: id, content: "Document written." }));
        return { messages: written, document: String(calls[0]?.args.document) };
      })
      .addEdge(START, "chat_node")
      .addEdge("chat_node", "write_node")
      .compile({ checkpointer: new MemorySaver() });
    model.calling("write_document", "c1", '{"document":"New"}');
    const events = lines(await page(graph, { state: ["document", "turns"] })({ state: { document: "Old" } }));
    // Another key has changed before the document has: a snapshot then would show the old document.
    const after = events.slice(events.indexOf(`PredictState ${JSON.stringify(DOCUMENT)}`));
    expect(after.filter((line) => line.startsWith("state"))).toEqual([
      'state {"document":"New","turns":1}',
      'state {"document":"New","turns":1}',
    ]);
  });

  it("stay while middleware runs between the model and the tool", async () => {
    const State = Annotation.Root({
      ...withTools,
      document: Annotation<string | undefined>(),
      turns: Annotation<number>({ reducer: (x, y) => x + y, default: () => 0 }),
    });
    const writes = tool(
      ({ document }, { toolCall }) => {
        const written = new ToolMessage({ tool_call_id: String(toolCall?.id), content: "Document written." });
        return new Command({ update: { document, messages: [written] } });
      },
      { name: "write_document", schema: z.object({ document: z.string() }) },
    );
    const graph = new StateGraph(State)
      .addNode("chat_node", async (state, config) => {
        const response = await model.invoke(state.messages, wishing(config, { predict_state: DOCUMENT }));
        return { messages: [response], turns: 1 };
      })
      .addNode("after_model", () => ({ turns: 1 }))
      .addNode("tool_node", new ToolNode([writes]))
      .addEdge(START, "chat_node")
      .addEdge("chat_node", "after_model")
      .addEdge("after_model", "tool_node")
      .compile({ checkpointer: new MemorySaver() });
    model.calling("write_document", "c1", '{"document":"New"}');
    const events = lines(await page(graph, { state: ["document", "turns"] })({ state: { document: "Old" } }));
    const after = events.slice(events.indexOf(`PredictState ${JSON.stringify(DOCUMENT)}`));
    expect(after.filter((line) => line.startsWith("state"))).toEqual([
      'state {"document":"New","turns":2}',
      'state {"document":"New","turns":2}',
    ]);
  });
});

describe("agentic generative UI", () => {
  it("shows each step while the node works, and nothing older afterwards", async () => {
    const State = Annotation.Root({
      ...withTools,
      steps: Annotation<{ status: string }[]>({ reducer: (x, y) => y ?? x, default: () => [] }),
    });
    const graph = new StateGraph(State)
      .addNode("start_flow", () => ({ steps: [] }))
      .addNode("chat_node", async (state, config) => {
        const wish = { predict_state: [{ state_key: "steps", tool: "plan", tool_argument: "steps" }] };
        const response = await model.bindTools([...state.tools]).invoke(state.messages, wishing(config, wish));
        const call = response.tool_calls?.[0];
        if (!call) return new Command({ goto: END, update: { messages: [response] } });
        const { steps } = call.args as { steps: { status: string }[] };
        for (const step of steps) {
          step.status = "completed";
          await dispatchCustomEvent("manually_emit_state", { ...state, steps: structuredClone(steps) }, config);
        }
        const done = new ToolMessage({ tool_call_id: call.id ?? "", content: "Steps executed." });
        return new Command({ goto: "chat_node", update: { messages: [response, done], steps } });
      })
      .addEdge(START, "start_flow")
      .addEdge("start_flow", "chat_node")
      .compile({ checkpointer: new MemorySaver() });
    model.calling("plan", "c1", '{"steps":[{"status":"pending"},', '{"status":"pending"}]}').say("Done.").end();
    const [one, two] = [
      [{ status: "completed" }, { status: "pending" }],
      [{ status: "completed" }, { status: "completed" }],
    ].map((steps) => `state ${JSON.stringify({ steps })}`);
    expect(lines(await page(graph, { state: ["steps"] })())).toEqual([
      "+start_flow",
      'state {"steps":[]}',
      "-start_flow",
      "+chat_node",
      'PredictState [{"state_key":"steps","tool":"plan","tool_argument":"steps"}]',
      "call plan",
      'args {"steps":[{"status":"pending"},{"status":"pending"}]}',
      one,
      two,
      "result Steps executed.",
      "-chat_node",
      "+chat_node",
      two,
      "text Done.",
      "-chat_node",
      two,
      "finished {}",
    ]);
  });
});

describe("shared state", () => {
  it("goes both ways, and an emission is not overwritten by what the state had before", async () => {
    const State = Annotation.Root({ ...withTools, recipe: Annotation<{ title: string; servings?: number }>() });
    const graph = new StateGraph(State)
      .addNode("start_flow", ({ recipe }) => new Command({ goto: "chat_node", update: { recipe } }), {
        ends: ["chat_node"],
      })
      .addNode("chat_node", async ({ recipe, messages }, config) => {
        const changed = { ...recipe, servings: 4 };
        await dispatchCustomEvent("manually_emit_intermediate_state", { recipe: changed }, config);
        const response = await model.invoke(messages, config);
        return new Command({ goto: END, update: { messages: [response], recipe: changed } });
      })
      .addEdge(START, "start_flow")
      .compile({ checkpointer: new MemorySaver() });
    model.say("For four.").end();
    const events = lines(await page(graph, { state: ["recipe"] })({ state: { recipe: { title: "Soup" } } }));
    expect(events.filter((line) => /^(state|delta|text)/.test(line))).toEqual([
      'state {"recipe":{"title":"Soup"}}',
      'state {"recipe":{"title":"Soup","servings":4}}',
      "text For four.",
      'state {"recipe":{"title":"Soup","servings":4}}',
    ]);
    expect((await subject?.store.thread("t"))?.state).toEqual({ recipe: { title: "Soup", servings: 4 } });
  });

  it("is the graph's when the run fails after an emission", async () => {
    const State = Annotation.Root({ ...withTools, n: Annotation<number>() });
    const graph = new StateGraph(State)
      .addNode("count", async (_, config) => {
        await dispatchCustomEvent("manually_emit_state", { n: 2 }, config);
        throw new Error("no luck");
      })
      .addEdge(START, "count")
      .compile({ checkpointer: new MemorySaver() });
    const events = lines(await page(graph, { state: ["n"] })({ state: { n: 1 } }));
    expect(events.filter((line) => line.startsWith("state"))).toEqual(['state {"n":2}', 'state {"n":1}']);
  });
});

describe("state that a graph has emitted", () => {
  it("is the graph's when the graph asks after an emission", async () => {
    const State = Annotation.Root({ ...withTools, n: Annotation<number>() });
    const graph = new StateGraph(State)
      .addNode("count", (_, config) => {
        config.writer?.({ name: "manually_emit_state", value: { n: 2 } });
        return { n: Number(interrupt("Go on?")) };
      })
      .addEdge(START, "count")
      .compile({ checkpointer: new MemorySaver() });
    const events = lines(await page(graph, { state: ["n"] })({ state: { n: 1 } }));
    expect(events.filter((line) => line.startsWith("state"))).toEqual(['state {"n":2}', 'state {"n":1}']);
    expect((await subject?.store.thread("t"))?.state).toEqual({ n: 1 });
  });
});

describe("human in the loop", () => {
  it("predicts the steps, asks with them, and goes on with the answer", async () => {
    const State = Annotation.Root({
      ...withTools,
      steps: Annotation<object[]>({ reducer: (x, y) => y ?? x, default: () => [] }),
    });
    const wish = { predict_state: [{ state_key: "steps", tool: "plan", tool_argument: "steps" }] };
    const graph = new StateGraph(State)
      .addNode(
        "chat_node",
        async (state, config) => {
          const response = await model.bindTools([...state.tools]).invoke(state.messages, wishing(config, wish));
          const call = response.tool_calls?.[0];
          const made = new ToolMessage({ tool_call_id: call?.id ?? "", content: "Task steps generated." });
          const { steps = [] } = (call?.args ?? {}) as { steps?: object[] };
          return new Command({ goto: "process_steps_node", update: { messages: [response, made], steps } });
        },
        { ends: ["process_steps_node"] },
      )
      .addNode("process_steps_node", async (state, config) => {
        const answer: string = interrupt({ steps: state.steps });
        return { messages: [await model.invoke([...state.messages, { role: "user", content: answer }], config)] };
      })
      .addEdge(START, "chat_node")
      .compile({ checkpointer: new MemorySaver() });
    const run = page(graph, { state: ["steps"] });
    model.calling("plan", "c1", '{"steps":[{"description":"Dig"}]}');
    const asked = await run();
    expect(lines(asked).slice(2, 9)).toEqual([
      `PredictState ${JSON.stringify(wish.predict_state)}`,
      "call plan",
      'args {"steps":[{"description":"Dig"}]}',
      "result Task steps generated.",
      "-chat_node",
      "+process_steps_node",
      'state {"steps":[{"description":"Dig"}]}',
    ]);
    const end = asked.at(-1);
    const [question] =
      end?.type === EventType.RUN_FINISHED && end.outcome?.type === "interrupt" ? end.outcome.interrupts : [];
    expect(question?.metadata).toEqual({ value: { steps: [{ description: "Dig" }] } });
    model.say("I dig.").end();
    const resume = [{ interruptId: question?.id ?? "", status: "resolved" as const, payload: "Go on" }];
    const events = lines(await run({ runId: "r2", messages: [HI], resume }));
    expect(events).toContain("text I dig.");
    expect(model.prompts.at(-1)?.at(-1)).toBe("Go on");
  });
});

describe("calls that a graph does not want to be seen", () => {
  const secret = tool(() => "42", { name: "secret", description: "Hides", schema: z.object({}) });

  it.each([
    [{ "emit-tool-calls": false }, []],
    [{ "copilotkit:emit-tool-calls": false }, []],
    [{ "emit-tool-calls": "open" }, []],
    [{ "emit-tool-calls": ["secret"] }, ["call secret", "args {}", "result 42"]],
    [{ "emit-tool-calls": true }, ["call secret", "args {}", "result 42"]],
  ])("%j: neither the call nor its result leaves, nor stays", async (wish, shown) => {
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("chat_node", async ({ messages }, config) => ({
        messages: await model.bindTools([secret]).invoke(messages, wishing(config, wish)),
      }))
      .addNode("tools", new ToolNode([secret]))
      .addEdge(START, "chat_node")
      .addConditionalEdges("chat_node", ({ messages }) => (ToolMessage.isInstance(messages.at(-2)) ? END : "tools"))
      .addEdge("tools", "chat_node")
      .compile({ checkpointer: new MemorySaver() });
    model.say("Let me see.").calling("secret", "c1", "{}").say("It is 42.").end();
    const events = lines(await page(graph)());
    expect(events.filter((line) => /^(call|args|result)/.test(line))).toEqual(shown);
    expect(events.filter((line) => line.startsWith("text"))).toEqual(["text Let me see.", "text It is 42."]);
    const kept = JSON.stringify((await subject?.store.thread("t"))?.messages);
    expect(kept.includes("secret")).toBe(shown.length > 0);
  });
});
