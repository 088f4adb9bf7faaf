/** A graph may throw any value: its run still ends, the thread is free, and the server can stop. */
import { createServer } from "node:http";
import { AIMessage } from "@langchain/core/messages";
import { RunnableLambda } from "@langchain/core/runnables";
import { tool } from "@langchain/core/tools";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { beforeEach, describe, expect, it, type MockInstance, vi } from "vitest";
import { createSluice } from "../../src/app/sluice.ts";
import type { Logger } from "../../src/ops/logger.ts";
import { EventType } from "../../src/protocol/events.ts";
import { HOSTILE } from "../support/hostile-values.ts";
import { startSluice } from "../support/sluice.ts";
import { SteppedModel } from "../support/stepped-model.ts";
import { scripted, testRuns } from "./scripted.ts";

// LangChain's own callbacks fail on some of these, and say so.
let warned: MockInstance<typeof console.warn>;
beforeEach(() => {
  warned = vi.spyOn(console, "warn").mockImplementation(() => {});
});

const graphs: Record<string, (thrown: unknown) => object> = {
  "the stream of a graph": (thrown) =>
    // biome-ignore lint/correctness/useYield: it fails before it says anything
    scripted(async function* () {
      throw thrown;
    }),
  "a node": (thrown) =>
    new StateGraph(MessagesAnnotation)
      .addNode("node", () => Promise.reject(thrown))
      .addEdge(START, "node")
      .compile(),
};

describe.each(Object.entries(graphs))("thrown by %s", (_where, graph) => {
  it.each(HOSTILE)("%s ends the run", async (_name, thrown) => {
    const subject = testRuns(graph(thrown));
    const events = await subject.eventsOf(await subject.start());
    // LangGraph does not treat some of these as errors.
    expect([EventType.RUN_ERROR, EventType.RUN_FINISHED]).toContain(events.at(-1)?.type);
    await subject.idle();
    expect(subject.ended).toHaveLength(1);
    expect(await subject.runs.delete("t")).toBe(true);
    await subject.close(0);
  });
});

/** Code inside a node. LangChain reports to its handlers what it throws, and the node goes on without it. */
const caught: Record<string, (thrown: unknown) => Promise<unknown>> = {
  "a tool": (thrown) => tool(() => Promise.reject(thrown), { name: "odd", description: "", schema: {} }).invoke({}),
  "a model": (thrown) =>
    new SteppedModel()
      .say("Hal")
      .fail(thrown as Error)
      .invoke(""),
  "a chain": (thrown) => RunnableLambda.from(() => Promise.reject(thrown)).invoke({}),
};

describe.each(["streamEvents", "direct"] as const)("read through %s", (source) => {
  describe.each(Object.entries(caught))("thrown by %s, and caught by its node", (_where, work) => {
    it.each(HOSTILE)("%s keeps the graph from nothing", async (_name, thrown) => {
      const node = async () => {
        await work(thrown).catch(() => {});
        return { messages: [new AIMessage({ id: "m", content: "Anyway." })] };
      };
      const graph = new StateGraph(MessagesAnnotation).addNode("node", node).addEdge(START, "node").compile();
      const subject = testRuns(graph, { entry: { source } });
      const events = await subject.eventsOf(await subject.start());
      expect(events.at(-1)?.type).toBe(EventType.RUN_FINISHED);
      expect(events).toContainEqual(expect.objectContaining({ messageId: "m", delta: "Anyway." }));
      // LangChain warns of a handler that throws.
      expect(warned.mock.calls.join()).not.toMatch(/RunNotes|DirectEvents/);
      await subject.idle();
      await subject.close(0);
    });
  });
});

it("a host's logger that throws keeps no run, no thread and no end from happening", async () => {
  const fails = () => {
    throw new Error("the disk is full");
  };
  const logger: Logger = { debug: fails, info: fails, warn: fails, error: fails };
  const agents = { a: graphs["a node"]?.(new Error("no luck")) as never };
  const sluice = createSluice({ agents, logger });
  const server = createServer((request, response) => sluice.router(request, response, () => response.end()));
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { result } = await sluice.runs.start({ threadId: "t", messages: [{ id: "u", role: "user", content: "hi" }] });
  await expect(result).rejects.toMatchObject({ code: "graph_error" });
  const { port } = server.address() as { port: number };
  const deleted = await fetch(`http://127.0.0.1:${port}/threads/t`, { method: "DELETE" });
  expect(deleted.ok).toBe(true);
  await sluice.close();
  server.close();
});

it("a server that is asked to abandon refuses work, and ends what the next process will not take up", async () => {
  const waits = (): object =>
    scripted(async function* () {
      await new Promise(() => {});
    });
  const sluice = await startSluice({ lost: { graph: waits() }, kept: { graph: waits(), entry: { recover: true } } });
  const events = (agent: string, threadId = agent): Promise<Response> =>
    fetch(`${sluice.url}/agui/agent/${agent}/run`, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "text/event-stream" },
      body: JSON.stringify({ threadId, runId: "r", messages: [], tools: [], context: [] }),
    });
  const lost = await events("lost");
  await events("kept");
  await sluice.abandon();
  expect((await fetch(`${sluice.url}/readyz`)).status).toBe(503);
  expect(await lost.text()).toContain('"code":"owner_lost"');
  expect(await sluice.runs.active("kept")).toBeDefined();
  expect(await sluice.runs.active("lost")).toBeUndefined();
  expect((await events("lost", "another")).status).toBe(503);
  await sluice.close();
});
