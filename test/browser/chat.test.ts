import type { BaseMessage } from "@langchain/core/messages";
import { AIMessage } from "@langchain/core/messages";
import { type LangGraphRunnableConfig, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { expect, test } from "vitest";
import { assistant } from "../../src/agents/assistant.ts";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { memory } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { playgroundForFile, shows } from "./playground.ts";

const { open } = playgroundForFile();

const quick = new DemoChatModel({ firstTokenMs: 0, tokensPerSecond: 0 });

/** A graph of one node that replies with the result of `answer`. */
function answering(answer: (messages: BaseMessage[], config: LangGraphRunnableConfig) => Promise<string> | string) {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }, config) => ({
      messages: [new AIMessage(await answer(messages, config))],
    }))
    .addEdge(START, "chat")
    .compile({ checkpointer: memory() });
}

test("an answer with reasoning and a tool", async () => {
  const { ask, conversation, asked, tool } = await open({
    assistant: { graph: assistant({ model: quick, checkpointer: memory() }) },
  });
  await ask("Please think: what is 12 * 7?");
  await shows(asked, "Please think: what is 12 * 7?");

  await tool("calculator").waitFor();
  await conversation.getByText(/^Thought for /).waitFor();
  await tool("calculator").click();
  await conversation.getByRole("group", { name: "The result" }).filter({ hasText: "84" }).waitFor();
  await conversation.getByRole("group", { name: "The arguments" }).filter({ hasText: "12 * 7" }).waitFor();
  await conversation.getByText(/^Thought for /).click();
  await conversation.getByText("My rules ask for this").waitFor();
  await conversation.getByText(/tokens in/).waitFor();
});

test("what is typed in shows token by token", async () => {
  const model = new SteppedModel();
  const { ask, answering, answered } = await open({ chat: { graph: chatGraph(model) } });
  await ask("Count.");
  model.say("One ");
  await answering("One");
  model.say("two ");
  await answering("One two");
  model.say("three.").end();
  await answered("One two three.");
});

test("Stop aborts the graph's signal, and what came so far stays", async () => {
  const model = new SteppedModel();
  const signals: (AbortSignal | undefined)[] = [];
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }, { signal }) => {
      signals.push(signal);
      return { messages: await model.invoke(messages) };
    })
    .addEdge(START, "chat")
    .compile({ checkpointer: memory() });
  const { ask, answering, button, conversation, quiet, answers } = await open({ chat: { graph } });
  await ask("Talk.");
  model.say("Half an ");
  await answering("Half an");
  expect(signals.map((signal) => signal?.aborted)).toEqual([false]);

  await button("Stop").click();
  await conversation.getByText("Stopped", { exact: true }).waitFor();
  await quiet();
  expect(signals.map((signal) => signal?.aborted)).toEqual([true]);
  await shows(answers, "Half an");
});

test("an edited message is answered anew, and what came after it is forgotten", async () => {
  const model = new SteppedModel();
  const { ask, answered, asked, button, page, answers } = await open({ chat: { graph: chatGraph(model) } });
  model.say("Red.").end();
  await ask("A colour?");
  await answered("Red.");
  model.say("Seven.").end();
  await ask("A number?");
  await answered("Seven.");

  await asked.first().hover();
  await button("Edit message").first().click();
  const draft = page.getByRole("textbox", { name: "Edited message" });
  await draft.fill("A dark colour?");
  model.say("Black.").end();
  await button("Send again").click();
  await answered("Black.");
  await shows(asked, "A dark colour?");
  expect(await answers.count()).toBe(1);
  expect(model.prompts.at(-1)).toEqual(["A dark colour?"]);
});

test("another answer to the same message", async () => {
  const model = new SteppedModel();
  const { ask, answered, asked, answers, button } = await open({ chat: { graph: chatGraph(model) } });
  model.say("Heads.").end();
  await ask("Toss a coin.");
  await answered("Heads.");
  model.say("Tails.").end();
  await button("Another answer").click();
  await answered("Tails.");
  expect(await answers.count()).toBe(1);
  expect(await asked.count()).toBe(1);
  expect(model.prompts).toEqual([["Toss a coin."], ["Toss a coin."]]);
});

test("a run that fails says its code, and can be tried again", async () => {
  const model = new SteppedModel();
  const { ask, answering, answered, conversation, button } = await open({ chat: { graph: chatGraph(model) } });
  await ask("Hello?");
  model.say("I be");
  await answering("I be");
  model.fail(new Error("The wheel came off."));
  const failure = conversation.getByRole("alert");
  await failure.getByText("model_error", { exact: true }).waitFor();

  model.say("I am back.").end();
  await button("Try again anyway").or(button("Try again")).click();
  await answered("I am back.");
  expect(await failure.count()).toBe(0);
});

test("an image reaches the graph", async () => {
  const seen: unknown[] = [];
  const graph = answering((messages) => {
    seen.push(messages.at(-1)?.content);
    return "I see it.";
  });
  const { page, ask, answered, asked, button } = await open({ chat: { graph } });
  const png = await page.screenshot({ clip: { x: 0, y: 0, width: 8, height: 8 } });
  const chosen = page.waitForEvent("filechooser");
  await button("Attach files").click();
  await (await chosen).setFiles({ name: "dot.png", mimeType: "image/png", buffer: png });
  await page.getByRole("list", { name: "Attached" }).getByText("dot.png").waitFor();
  await ask("What is this?");
  await answered("I see it.");
  await asked.getByRole("img", { name: "Attached" }).waitFor();

  expect(JSON.stringify(seen)).toContain("What is this?");
  expect(JSON.stringify(seen)).toContain(png.toString("base64"));
});

test("another agent answers once it is chosen", async () => {
  const { page, ask, answered, button } = await open({
    north: { graph: answering(() => "Cold."), entry: { description: "Up there." } },
    south: { graph: answering(() => "Warm."), entry: { description: "Down there.", prompts: ["How is it?"] } },
  });
  await ask("How is it?");
  await answered("Cold.");
  await button("New conversation").click();
  await page.getByRole("combobox", { name: "Agent" }).selectOption("south");
  await page.getByRole("heading", { name: "south" }).waitFor();
  await button("How is it?").click();
  await answered("Warm.");
});
