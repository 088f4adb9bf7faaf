/** Runs that wait for a person: the questions, and every way to answer. */

import { AIMessage } from "@langchain/core/messages";
import { tool } from "@langchain/core/tools";
import { Annotation, END, interrupt, MessagesAnnotation, Send, START, StateGraph } from "@langchain/langgraph";
import { ToolNode } from "@langchain/langgraph/prebuilt";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { type AguiEvent, EventType, type ResumeEntry } from "../../../src/protocol/events.ts";
import { memory, startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { calls, ScriptedModel } from "./scripted-model.ts";
import { interruptsOf, ofType, refusal, said, silentInput, stored, turn } from "./turns.ts";

let sluice: TestSluice | undefined;

afterEach(async () => {
  await sluice?.close();
});

async function serve(graph: object): Promise<string> {
  sluice = await startSluice({ main: { graph } });
  return sluice.url;
}

function answers(...payloads: [interruptId: string, payload: unknown][]): ResumeEntry[] {
  return payloads.map(([interruptId, payload]) => ({ interruptId, status: "resolved", payload }));
}

/** One node that asks and repeats the answer. */
function asking(question: unknown) {
  const ask = () => {
    const answer: unknown = interrupt(question);
    return { messages: [new AIMessage(`You said ${JSON.stringify(answer)}.`)] };
  };
  return new StateGraph(MessagesAnnotation).addNode("ask", ask).addEdge(START, "ask").addEdge("ask", END);
}

describe("an interrupt in a node", () => {
  it("ends the run with what is asked: words, a reason and a schema are looked for in its value", async () => {
    const responseSchema = { type: "object", properties: { ok: { type: "boolean" } } };
    const value = { question: "Shall I?", reason: "approval", responseSchema, amount: 3 };
    const url = await serve(asking(value).compile({ checkpointer: memory() }));
    const events = await turn(url, "main", userInput("hi"));
    expect(interruptsOf(events)).toEqual([
      { id: expect.any(String), reason: "approval", message: "Shall I?", responseSchema, metadata: { value } },
    ]);
    // The run is over and everything is closed; nothing was said yet.
    expect(ofType(events, EventType.STEP_FINISHED)).toMatchObject([{ stepName: "ask" }]);
    expect(said(events)).toEqual([]);
  });

  it("goes on in a new run with the answer", async () => {
    const url = await serve(asking("Shall I?").compile({ checkpointer: memory() }));
    const input = userInput("hi");
    const [asked] = interruptsOf(await turn(url, "main", input));
    expect(asked).toMatchObject({ reason: "input_required", message: "Shall I?" });
    const resume = answers([asked?.id ?? "", { ok: true }]);
    const events = await turn(url, "main", silentInput({ threadId: input.threadId, resume }));
    expect(said(events)).toEqual(['You said {"ok":true}.']);
    expect(interruptsOf(events)).toEqual([]);
  });

  it("hears a cancelled entry as a value that differs from every answer", async () => {
    const url = await serve(asking("Shall I?").compile({ checkpointer: memory() }));
    const input = userInput("hi");
    const [asked] = interruptsOf(await turn(url, "main", input));
    const resume: ResumeEntry[] = [{ interruptId: asked?.id ?? "", status: "cancelled" }];
    const events = await turn(url, "main", silentInput({ threadId: input.threadId, resume }));
    expect(said(events)).toEqual(['You said {"__agui_cancelled__":true}.']);
  });

  it("may ask again, and is answered again", async () => {
    const ask = () => {
      const first: unknown = interrupt("First?");
      const second: unknown = interrupt("Second?");
      return { messages: [new AIMessage(`${first}, then ${second}`)] };
    };
    const graph = new StateGraph(MessagesAnnotation).addNode("ask", ask).addEdge(START, "ask").addEdge("ask", END);
    const url = await serve(graph.compile({ checkpointer: memory() }));
    const input = userInput("hi");
    const { threadId } = input;
    const [first] = interruptsOf(await turn(url, "main", input));
    const secondRun = await turn(url, "main", silentInput({ threadId, resume: answers([first?.id ?? "", "one"]) }));
    const [second] = interruptsOf(secondRun);
    expect(second).toMatchObject({ message: "Second?" });
    const last = await turn(url, "main", silentInput({ threadId, resume: answers([second?.id ?? "", "two"]) }));
    expect(said(last)).toEqual(["one, then two"]);
  });

  it("is refused an answer when nothing waits, and nothing runs", async () => {
    const url = await serve(asking("Shall I?").compile({ checkpointer: memory() }));
    const { status, error } = await refusal(url, "main", silentInput({ resume: answers(["who", "me"]) }));
    expect(status).toBe(400);
    expect(error).toMatchObject({ code: "bad_request", message: expect.stringContaining("waits for none") });
  });
});

describe("two branches that ask at once", () => {
  const Topics = Annotation.Root({ ...MessagesAnnotation.spec, topic: Annotation<string> });

  function branching() {
    const ask = ({ topic }: { topic: string }) => {
      const answer: unknown = interrupt({ message: `${topic}?`, topic });
      return { messages: [new AIMessage(`${topic}: ${answer}`)] };
    };
    return new StateGraph(Topics)
      .addNode("ask", ask)
      .addConditionalEdges(START, () => ["red", "blue"].map((topic) => new Send("ask", { topic })), ["ask"])
      .addEdge("ask", END)
      .compile({ checkpointer: memory() });
  }

  async function interrupted(): Promise<{ url: string; threadId: string; red: string; blue: string }> {
    const url = await serve(branching());
    const input = userInput("colours?");
    const events = await turn(url, "main", input);
    const asked = interruptsOf(events);
    expect(asked.map(({ message }) => message).sort()).toEqual(["blue?", "red?"]);
    const idOf = (topic: string) => asked.find(({ message }) => message === `${topic}?`)?.id ?? "";
    return { url, threadId: input.threadId, red: idOf("red"), blue: idOf("blue") };
  }

  it("each have an id of their own, and are answered in one go, in any order", async () => {
    const { url, threadId, red, blue } = await interrupted();
    expect(red).not.toBe(blue);
    const resume = answers([blue, "navy"], [red, "scarlet"]);
    const events = await turn(url, "main", silentInput({ threadId, resume }));
    expect(said(events).sort()).toEqual(["blue: navy", "red: scarlet"]);
    expect(interruptsOf(events)).toEqual([]);
    expect((await stored(url, threadId)).map(({ content }) => content).sort()).toEqual([
      "blue: navy",
      "colours?",
      "red: scarlet",
    ]);
  });

  it("wait until both are answered: a partial answer is refused with the ids that are missing", async () => {
    const { url, threadId, red, blue } = await interrupted();
    const { status, error } = await refusal(url, "main", silentInput({ threadId, resume: answers([red, "x"]) }));
    expect(status).toBe(409);
    expect(error).toMatchObject({ code: "interrupt_pending", message: expect.stringContaining(blue) });
    expect(error.message).not.toContain(red);
    // The refused answer changed nothing.
    const both = silentInput({ threadId, resume: answers([red, "1"], [blue, "2"]) });
    expect(said(await turn(url, "main", both)).sort()).toEqual(["blue: 2", "red: 1"]);
  });

  it("refuse a new message, and name what waits", async () => {
    const { url, threadId, red, blue } = await interrupted();
    const { status, error } = await refusal(url, "main", userInput("never mind", { threadId }));
    expect(status).toBe(409);
    expect(error).toMatchObject({
      code: "interrupt_pending",
      details: { interrupts: expect.arrayContaining([red, blue].map((id) => expect.objectContaining({ id }))) },
    });
    expect(await stored(url, threadId)).toMatchObject([{ role: "user", content: "colours?" }]);
  });
});

describe("an interrupt in a tool", () => {
  it("names the call it came from; the call is sent once, and its result after the answer", async () => {
    const wire = tool(({ amount }: { amount: number }) => `${amount}: ${interrupt("Send the money?")}`, {
      name: "wire",
      schema: z.object({ amount: z.number() }),
    });
    const model = new ScriptedModel((prompt) =>
      prompt.at(-1)?.getType() === "tool" ? ["Sent."] : [calls(["wire", { amount: 5 }, "call-wire"])],
    );
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("model", async ({ messages }) => ({ messages: await model.invoke(messages) }))
      .addNode("tools", new ToolNode([wire]))
      .addEdge(START, "model")
      .addConditionalEdges("model", ({ messages }) => (messages.at(-1)?.text ? END : "tools"), ["tools", END])
      .addEdge("tools", "model")
      .compile({ checkpointer: memory() });
    const url = await serve(graph);
    const input = userInput("wire 5");
    const { threadId } = input;
    const first = await turn(url, "main", input);
    const [asked] = interruptsOf(first);
    expect(asked).toMatchObject({ message: "Send the money?", toolCallId: "call-wire" });
    expect(ofType(first, EventType.TOOL_CALL_RESULT)).toEqual([]);

    const second = await turn(url, "main", silentInput({ threadId, resume: answers([asked?.id ?? "", "yes"]) }));
    expect(ofType([...first, ...second], EventType.TOOL_CALL_START)).toMatchObject([{ toolCallId: "call-wire" }]);
    expect(ofType(second, EventType.TOOL_CALL_RESULT)).toMatchObject([{ toolCallId: "call-wire", content: "5: yes" }]);
    expect(said(second)).toEqual(["Sent."]);
  });
});

describe("an interrupt in a subgraph", () => {
  it.each([
    ["a subgraph that is a node", (inner: object) => inner],
    [
      "a subgraph that a node calls",
      (inner: object) => (state: unknown) => (inner as { invoke(state: unknown): unknown }).invoke(state),
    ],
  ])("is the run's own: %s", async (_, asNode) => {
    const inner = asking("From below?").compile();
    const graph = new StateGraph(MessagesAnnotation)
      .addNode("sub", asNode(inner) as typeof inner)
      .addEdge(START, "sub")
      .addEdge("sub", END)
      .compile({ checkpointer: memory() });
    const url = await serve(graph);
    const input = userInput("hi");
    const asked = interruptsOf(await turn(url, "main", input));
    expect(asked).toMatchObject([{ message: "From below?" }]);
    const resume = answers([asked[0]?.id ?? "", "yes"]);
    const events = await turn(url, "main", silentInput({ threadId: input.threadId, resume }));
    expect(said(events)).toEqual(['You said "yes".']);
    expect(ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName)).toEqual(["sub", "sub/ask"]);
  });
});

describe("a breakpoint", () => {
  function pausing(at: "interruptBefore" | "interruptAfter") {
    return new StateGraph(MessagesAnnotation)
      .addNode("draft", () => ({ messages: [new AIMessage("A draft.")] }))
      .addNode("send", () => ({ messages: [new AIMessage("Sent.")] }))
      .addEdge(START, "draft")
      .addEdge("draft", "send")
      .addEdge("send", END)
      .compile({ checkpointer: memory(), [at]: [at === "interruptBefore" ? "send" : "draft"] });
  }

  it.each(["interruptBefore", "interruptAfter"] as const)("of %s asks for no more than to go on", async (at) => {
    const url = await serve(pausing(at));
    const input = userInput("write");
    const first = await turn(url, "main", input);
    expect(said(first)).toEqual(["A draft."]);
    const asked = interruptsOf(first);
    expect(asked).toMatchObject([{ reason: "breakpoint" }]);

    const resume: ResumeEntry[] = [{ interruptId: asked[0]?.id ?? "", status: "resolved" }];
    const second = await turn(url, "main", silentInput({ threadId: input.threadId, resume }));
    expect(said(second)).toEqual(["Sent."]);
    expect(steps(second)).toEqual(["send"]);
    expect(interruptsOf(second)).toEqual([]);
  });

  it("waits like a question: a new message is refused", async () => {
    const url = await serve(pausing("interruptBefore"));
    const input = userInput("write");
    await turn(url, "main", input);
    const { error } = await refusal(url, "main", userInput("go on", { threadId: input.threadId }));
    expect(error).toMatchObject({ code: "interrupt_pending" });
  });
});

function steps(events: readonly AguiEvent[]): string[] {
  return ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName);
}
