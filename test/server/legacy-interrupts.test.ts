/** Questions for pages that were made for LangGraph's earlier adapter, with the client that they are built on. */
import { randomUUID } from "node:crypto";
import { HttpAgent } from "@ag-ui/client";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterAll, beforeAll, expect, test } from "vitest";
import { memory, startSluice, type TestSluice } from "../support/sluice.ts";

/** Asks before it carries out a call. */
const booking = () =>
  new StateGraph(MessagesAnnotation)
    .addNode("call", () => ({
      messages: [new AIMessage({ id: "a1", content: "", tool_calls: [{ id: "c1", name: "book", args: {} }] })],
    }))
    .addNode("book", () => {
      const chosen: unknown = interrupt({ options: ["KLM", "Swiss"], toolCallId: "c1" });
      return { messages: [new ToolMessage({ id: "a2", tool_call_id: "c1", content: JSON.stringify(chosen) })] };
    })
    .addEdge(START, "call")
    .addEdge("call", "book")
    .compile({ checkpointer: memory() });

let sluice: TestSluice;
beforeAll(async () => {
  sluice = await startSluice({
    legacy: { graph: booking(), entry: { interrupts: "legacy" } },
    standard: { graph: booking() },
  });
});
afterAll(() => sluice.close());

async function ask(name: string) {
  const agent = new HttpAgent({ url: `${sluice.url}/agui/agent/${name}/run`, threadId: randomUUID() });
  agent.addMessage({ id: "u1", role: "user", content: "book it" });
  return { agent, ...(await run(agent, { runId: "r1" })) };
}

/** The custom events of a run, and its outcome. */
async function run(agent: HttpAgent, parameters: Parameters<HttpAgent["runAgent"]>[0]) {
  const customs: unknown[] = [];
  let outcome: unknown;
  await agent.runAgent(parameters, {
    onCustomEvent: ({ event }) => void customs.push([event.name, event.value]),
    onRunFinishedEvent: ({ event }) => {
      outcome = event.outcome;
    },
    onRunErrorEvent: ({ event }) => {
      outcome = event.code;
    },
  });
  return { customs, outcome };
}

async function results(threadId: string) {
  const response = await fetch(`${sluice.url}/threads/${threadId}/messages`);
  const { messages } = (await response.json()) as { messages: { role: string; content: string }[] };
  return messages.filter(({ role }) => role === "tool").map(({ content }) => content);
}

test("a question is the graph's own value, and a command under the same run's id answers it", async () => {
  const { agent, customs, outcome } = await ask("legacy");
  expect(customs).toEqual([["on_interrupt", { options: ["KLM", "Swiss"], toolCallId: "c1" }]]);
  expect(outcome).toBeUndefined();
  const { options } = (customs as [[string, { options: string[] }]])[0][1];
  const forwardedProps = { command: { resume: options[1], interruptEvent: customs } };
  expect(await run(agent, { runId: "r1", forwardedProps })).toEqual({ customs: [], outcome: undefined });
  expect(await results(agent.threadId)).toEqual(['"Swiss"']);
  await expect(run(agent, { runId: "r3", forwardedProps })).rejects.toThrow("waits for no answer");
});

test("a page that reloads is asked again in the same form", async () => {
  const { agent } = await ask("legacy");
  const response = await fetch(`${sluice.url}/agui/agent/legacy/connect`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ threadId: agent.threadId }),
  });
  const text = await response.text();
  expect(text).toContain('"name":"on_interrupt"');
  expect(text).not.toContain('"outcome"');
});

test("without the setting a command is no answer, and the question is an outcome", async () => {
  const { agent, customs, outcome } = await ask("standard");
  expect(customs).toEqual([]);
  expect(outcome).toMatchObject({ type: "interrupt", interrupts: [{ toolCallId: "c1" }] });
  const [{ id }] = (outcome as { interrupts: [{ id: string }] }).interrupts;
  const resume = [{ interruptId: id, status: "resolved" as const, payload: "KLM" }];
  // As CopilotKit's hook does: the answer once more, as the result of the call.
  agent.addMessage({ id: randomUUID(), role: "tool", toolCallId: "c1", content: '"KLM, says the page"' });
  await run(agent, { runId: "r2", resume });
  expect(await results(agent.threadId)).toEqual(['"KLM"']);
});
