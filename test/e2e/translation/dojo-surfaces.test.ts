/** More pages of AG-UI's dojo: subgraphs that ask, surfaces of A2UI, activities, reasoning, files, and a run that fails. */
import { A2UIMiddleware } from "@ag-ui/a2ui-middleware";
import { AbstractAgent, type BaseEvent, type RunAgentInput as Input, type Middleware } from "@ag-ui/client";
import type { BindToolsInput } from "@langchain/core/language_models/chat_models";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { Annotation, Command, END, interrupt, MemorySaver, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { Observable } from "rxjs";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { z } from "zod";
import type { AgentEntry } from "../../../src/config/agents.ts";
import { type AguiEvent, EventType, type RunAgentInput } from "../../../src/protocol/events.ts";
import { DojoModel, type DojoPage, dojoPage, HI, lines, withTools } from "./dojo.ts";

let model: DojoModel;
let subject: DojoPage | undefined;
beforeEach(() => {
  model = new DojoModel();
});
afterEach(async () => {
  await subject?.runs.close(0);
});

function page(graph: object, entry: Partial<AgentEntry> = {}): DojoPage {
  subject = dojoPage(graph, entry);
  return subject;
}

function questionIn(events: readonly AguiEvent[]) {
  const end = events.at(-1);
  const interrupts =
    end?.type === EventType.RUN_FINISHED && end.outcome?.type === "interrupt" ? end.outcome.interrupts : [];
  return interrupts[0];
}

describe("subgraphs", () => {
  const Travel = Annotation.Root({
    ...withTools,
    itinerary: Annotation<object>({ reducer: (x, y) => ({ ...x, ...y }), default: () => ({}) }),
    flights: Annotation<object[]>(),
  });
  const FLIGHTS = [{ airline: "KLM" }, { airline: "United" }];

  /** A supervisor that routes with an unanswered call, and a subgraph that asks a question. */
  function travel() {
    const flights = new StateGraph(Travel)
      .addNode("flights_agent_chat_node", ({ messages }) => {
        const chosen = JSON.parse(
          interrupt({ message: "Which one?", options: FLIGHTS, recommendation: FLIGHTS[0], agent: "flights" }),
        ) as { airline: string };
        const booked = new AIMessage(`Flights Agent: I book ${chosen.airline}.`);
        const update = { flights: FLIGHTS, itinerary: { flight: chosen }, messages: [...messages, booked] };
        return new Command({ goto: END, update });
      })
      .addEdge(START, "flights_agent_chat_node")
      .compile();
    return new StateGraph(Travel)
      .addNode(
        "supervisor",
        async ({ messages }, config) => {
          const response = await model.invoke(messages, config);
          const [call] = response.tool_calls ?? [];
          const { next_agent, answer } = (call?.args ?? {}) as { next_agent?: string; answer?: string };
          if (next_agent !== "complete") return new Command({ goto: next_agent ?? END });
          const routed = new ToolMessage({ tool_call_id: call?.id ?? "", content: "Routing to complete" });
          return new Command({
            goto: END,
            update: { messages: [...messages, response, routed, new AIMessage(answer ?? "")] },
          });
        },
        { ends: ["flights_agent", END] },
      )
      .addNode("flights_agent", flights)
      .addEdge(START, "supervisor")
      .addEdge("flights_agent", "supervisor")
      .compile({ checkpointer: new MemorySaver() });
  }

  it("names the agent at work as a step, asks from inside, and shows the choice in the state", async () => {
    const run = page(travel(), { state: ["itinerary", "flights"] });
    model.calling("supervisor_response", "c1", '{"next_agent":"flights_agent"}');
    const asked = await run();
    expect(lines(asked).filter((line) => /^[+-]/.test(line))).toEqual([
      "+supervisor",
      "-supervisor",
      "+flights_agent",
      "+flights_agent/flights_agent_chat_node",
      "-flights_agent/flights_agent_chat_node",
      "-flights_agent",
    ]);
    const question = questionIn(asked);
    expect(question?.metadata).toEqual({
      value: { message: "Which one?", options: FLIGHTS, recommendation: FLIGHTS[0], agent: "flights" },
    });
    model.calling("supervisor_response", "c2", '{"next_agent":"complete","answer":"Have a good trip."}');
    const payload = JSON.stringify(FLIGHTS[1]);
    const resume = [{ interruptId: question?.id ?? "", status: "resolved" as const, payload }];
    const events = lines(await run({ runId: "r2", messages: [HI], resume }));
    expect(events.filter((line) => /^(text|result)/.test(line))).toEqual([
      "text Flights Agent: I book United.",
      "result Routing to complete",
      "text Have a good trip.",
    ]);
    expect(events.filter((line) => line.startsWith("state")).at(-1)).toBe(
      `state ${JSON.stringify({ itinerary: { flight: FLIGHTS[1] }, flights: FLIGHTS })}`,
    );
  });
});

describe("A2UI", () => {
  const SURFACE = "flight-search-results";
  const operations = [
    {
      version: "v0.9",
      createSurface: { surfaceId: SURFACE, catalogId: "https://a2ui.org/demos/dojo/fixed_catalog.json" },
    },
    { version: "v0.9", updateComponents: { surfaceId: SURFACE, components: [{ id: "root", component: "Row" }] } },
    { version: "v0.9", updateDataModel: { surfaceId: SURFACE, path: "/", value: { flights: [] } } },
  ];

  /** The agent behind the middleware of a page's runtime. It records its input. */
  class Behind extends AbstractAgent {
    input: Input | undefined;
    readonly #run: DojoPage;

    constructor(run: DojoPage) {
      super();
      this.#run = run;
    }

    run(input: Input): Observable<BaseEvent> {
      this.input = input;
      return new Observable((subscriber) => {
        this.#run(input as RunAgentInput).then(
          (events) => {
            for (const event of events) subscriber.next(event as BaseEvent);
            subscriber.complete();
          },
          (error: unknown) => subscriber.error(error),
        );
      });
    }
  }

  async function through(run: DojoPage, injectA2UITool: boolean, forwardedProps: object = {}) {
    const agent = new Behind(run);
    agent.threadId = "t";
    agent.messages = [HI];
    // Its types are those of the CommonJS build.
    agent.use(new A2UIMiddleware({ injectA2UITool }) as unknown as Middleware);
    await agent.runAgent({ runId: "r1", forwardedProps });
    return agent;
  }

  const shown = ({ messages }: AbstractAgent) =>
    messages.flatMap((message) => (message.role === "activity" ? [[message.activityType, message.content]] : []));

  it("fixed schema: the operations in a tool's result reach the middleware unchanged", async () => {
    const search = tool(() => JSON.stringify({ a2ui_operations: operations }), {
      name: "search_flights",
      description: "Searches.",
      schema: z.object({}),
    });
    const graph = new StateGraph(Annotation.Root(withTools))
      .addNode("model", async ({ messages }, config) => ({
        messages: await model.bindTools([search]).invoke(messages, config),
      }))
      .addNode("tool_node", new ToolNode([search]))
      .addEdge(START, "model")
      .addConditionalEdges("model", ({ messages }) => (ToolMessage.isInstance(messages.at(-2)) ? END : "tool_node"))
      .addEdge("tool_node", "model")
      .compile({ checkpointer: new MemorySaver() });
    model.calling("search_flights", "c1", "{}").say("Here are your results.").end();
    expect(shown(await through(page(graph), false))).toEqual([["a2ui-surface", { a2ui_operations: operations }]]);
  });

  it("dynamic schema: the call of the injected tool paints, and the graph finds the flag in its state", async () => {
    const State = Annotation.Root({ ...withTools, "ag-ui": Annotation<{ inject_a2ui_tool?: unknown }>() });
    const flags: unknown[] = [];
    const graph = new StateGraph(State)
      .addNode("chat_node", async (state, config) => {
        flags.push(state["ag-ui"].inject_a2ui_tool);
        return { messages: await model.bindTools(state.tools as BindToolsInput[]).invoke(state.messages, config) };
      })
      .addEdge(START, "chat_node")
      .compile({ checkpointer: new MemorySaver() });
    const components = '"components":[{"id":"root","component":"Text","text":"Hi"}]';
    model.calling("render_a2ui", "c1", `{"surfaceId":"s","catalogId":"c",${components},`, '"data":{"a":1}}');
    const agent = await through(page(graph), true);
    expect([model.bound, flags]).toEqual([["render_a2ui"], [true]]);
    const [[type, content] = []] = shown(agent);
    expect(type).toBe("a2ui-surface");
    expect(JSON.stringify(content)).toContain('"text":"Hi"');
  });

  it("advanced: what a person does on a surface comes as a call and its result, which the graph reads", async () => {
    const graph = new StateGraph(Annotation.Root(withTools))
      .addNode("chat_node", async ({ messages }, config) => ({ messages: await model.invoke(messages, config) }))
      .addEdge(START, "chat_node")
      .compile({ checkpointer: new MemorySaver() });
    model.say("Booked.").end();
    const userAction = { name: "book_flight", surfaceId: SURFACE, context: { price: "$1" } };
    await through(page(graph), false, { a2uiAction: { userAction } });
    expect(model.prompts[0]?.at(-1)).toContain('User performed action "book_flight"');
  });

  it("recovery: a surface that could not be made is shown as failed", async () => {
    const failure = JSON.stringify({ code: "a2ui_recovery_exhausted", error: "No root.", attempts: [1, 2, 3] });
    const generate = tool(() => failure, { name: "generate_a2ui", description: "Makes.", schema: z.object({}) });
    const graph = new StateGraph(Annotation.Root(withTools))
      .addNode("model", () => ({
        messages: [new AIMessage({ content: "", tool_calls: [{ id: "c1", name: "generate_a2ui", args: {} }] })],
      }))
      .addNode("tool_node", new ToolNode([generate]))
      .addEdge(START, "model")
      .addEdge("model", "tool_node")
      .compile({ checkpointer: new MemorySaver() });
    expect(shown(await through(page(graph), false))).toMatchObject([
      ["a2ui-surface", { status: "failed", error: "No root." }],
    ]);
  });
});

describe("background agents, and observational memory", () => {
  it("show work as an activity that changes", async () => {
    const graph = new StateGraph(Annotation.Root(withTools))
      .addNode("work", (_, config) => {
        const task = { message_id: "task-1", activity_type: "BACKGROUND_TASK", content: { status: "running" } };
        config.writer?.({ name: "manually_emit_activity", value: task });
        const patch = [{ op: "replace", path: "/status", value: "completed" }];
        config.writer?.({ name: "manually_emit_activity", value: { message_id: "task-1", patch } });
        return { messages: [] };
      })
      .addEdge(START, "work")
      .compile({ checkpointer: new MemorySaver() });
    const run = page(graph);
    const events = await run();
    expect(events.map(({ type }) => type).filter((type) => type.startsWith("ACTIVITY"))).toEqual([
      EventType.ACTIVITY_SNAPSHOT,
      EventType.ACTIVITY_DELTA,
    ]);
    expect((await run.runs.store.thread("t"))?.messages.at(-1)).toMatchObject({ content: { status: "completed" } });
  });
});

describe("agentic chat with reasoning, and with files", () => {
  it("shows the thoughts before the words, and gives the model the image", async () => {
    const graph = new StateGraph(Annotation.Root(withTools))
      .addNode("chat_node", async ({ messages }, config) => ({ messages: await model.invoke(messages, config) }))
      .addEdge(START, "chat_node")
      .compile({ checkpointer: new MemorySaver() });
    model.think("A cat.").say("It is a cat.").end();
    const source = { type: "data" as const, value: "aGk=", mimeType: "image/png" };
    const content = [
      { type: "text" as const, text: "What is it?" },
      { type: "image" as const, source },
    ];
    const events = await page(graph)({ messages: [{ id: "u1", role: "user", content }] });
    const spoken = events.map(({ type }) => type).filter((type) => /REASONING|TEXT/.test(type));
    expect(spoken.indexOf(EventType.REASONING_END)).toBeLessThan(spoken.indexOf(EventType.TEXT_MESSAGE_START));
    expect(spoken).toContain(EventType.REASONING_MESSAGE_CONTENT);
  });
});

describe("error flow", () => {
  it("ends with RUN_ERROR", async () => {
    const graph = new StateGraph(Annotation.Root(withTools))
      .addNode("fail", () => {
        throw new Error("The flow failed.");
      })
      .addEdge(START, "fail")
      .compile({ checkpointer: new MemorySaver() });
    expect((await page(graph)()).at(-1)).toMatchObject({
      type: EventType.RUN_ERROR,
      message: "The graph failed: The flow failed.",
    });
  });
});
