/** The server reports that a graph without a `messages` key has sent no answer. */
import { Annotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createSluice } from "../../src/app/sluice.ts";
import { EventType } from "../../src/protocol/events.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { verifyRun } from "../support/verify.ts";

const State = Annotation.Root({ topic: Annotation<string>(), summary: Annotation<string>() });

const graph = () =>
  new StateGraph(State)
    .addNode("write", ({ topic }) => ({ summary: `On ${topic}` }))
    .addEdge(START, "write")
    .compile();

const reporting = new StateGraph(State)
  .addNode("write", (_, { writer }) => {
    writer?.({ name: "progress", value: 1 });
    return {};
  })
  .addEdge(START, "write")
  .compile();

describe("a graph without messages", () => {
  let sluice: TestSluice;
  beforeAll(async () => {
    sluice = await startSluice({
      mute: { graph: graph() },
      exposed: { graph: graph(), entry: { state: ["topic", "summary"] } },
      asked: { graph: graph(), entry: { state: ["topic"] } },
      reporting: { graph: reporting },
    });
  });
  afterAll(() => sluice.close());

  const end = async (agent: string, input = userInput("rivers")) => {
    const events = await (await postRun(sluice.url, input, `/agui/agent/${agent}/run`)).done;
    await verifyRun(events);
    return events.at(-1);
  };

  it("that sent nothing fails, with a sentence that names its keys and what to do", async () => {
    expect(await end("mute")).toMatchObject({
      type: EventType.RUN_ERROR,
      code: "graph_error",
      message: expect.stringMatching(/no "messages" key.*topic, summary.*"state"/),
    });
  });

  it("that reports something has answered: an exposed state, an event of its own", async () => {
    expect(await end("exposed")).toMatchObject({ type: EventType.RUN_FINISHED });
    expect(await end("reporting")).toMatchObject({ type: EventType.RUN_FINISHED });
  });

  it("that was given a value it knows has seen it", async () => {
    expect(await end("asked", userInput("", { state: { topic: "rivers" } }))).toMatchObject({
      type: EventType.RUN_FINISHED,
    });
  });

  it("is named to the operator when it is served, and when it sent nothing", async () => {
    const lines: unknown[][] = [];
    const log = (...line: unknown[]) => void lines.push(line);
    const logger = { debug: () => {}, info: () => {}, warn: log, error: log };
    const embedded = createSluice({ agents: { mute: graph() as never }, logger });
    expect(lines).toEqual([[{ agent: "mute" }, expect.stringContaining("topic, summary")]]);
    await embedded.close();
  });
});
