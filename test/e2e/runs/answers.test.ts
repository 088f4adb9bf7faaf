/** An answer to an interrupt is not lost if its run fails. */

import { Command, END, interrupt, MemorySaver, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { afterEach, describe, expect, it } from "vitest";
import type { RunAgentInput } from "../../../src/protocol/events.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

describe("an answer whose run is cancelled before the graph took another step", () => {
  it("can be given again, and the graph takes the second", async () => {
    let began = () => {};
    const working = new Promise<void>((resolve) => {
      began = resolve;
    });
    let hold = true;
    const answers: unknown[] = [];
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("ask", async () => {
        const answer: unknown = interrupt("Go on?");
        if (hold) {
          began();
          await new Promise(() => {});
        }
        answers.push(answer);
        return new Command({ update: { messages: [] } });
      })
      .addEdge(START, "ask")
      .addEdge("ask", END)
      .compile({ checkpointer: new MemorySaver() });
    sluice = await startSluice({ asks: { graph } });
    const run = async (input: Partial<RunAgentInput>) => {
      const body = JSON.stringify({ threadId: "t", messages: [], tools: [], context: [], ...input });
      const headers = { "Content-Type": "application/json", Accept: "application/json" };
      const response = await fetch(`${sluice?.url}/agui`, { method: "POST", headers, body });
      return (await response.json()) as { outcome: string; interrupts?: { id: string }[] };
    };
    const asked = await run({ runId: "r1", messages: [{ id: "u1", role: "user", content: "hi" }] });
    const interruptId = asked.interrupts?.[0]?.id ?? "";
    const resume = (payload: string) => [{ interruptId, status: "resolved" as const, payload }];

    const first = run({ runId: "r2", resume: resume("first") });
    await working;
    await fetch(`${sluice.url}/agui/agent/asks/stop/t`, { method: "POST" });
    expect(await first).toMatchObject({ outcome: "cancelled" });

    hold = false;
    expect(await run({ runId: "r3", resume: resume("second") })).toMatchObject({ outcome: "success" });
    expect(answers).toEqual(["second"]);
  });
});
