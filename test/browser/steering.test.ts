/** Messages that a person sends into an active run. */
import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { expect, test } from "vitest";
import { takeInjected } from "../../src/authoring/injected.ts";
import { memory } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { playgroundForFile, shows } from "./playground.ts";

const { another, open } = playgroundForFile();

/** A graph that answers, takes the messages sent in the meantime, and answers them. */
function takingGraph(model: SteppedModel) {
  return new StateGraph(MessagesAnnotation)
    .addNode("chat", async ({ messages }) => ({ messages: await model.invoke(messages) }))
    .addNode("take", async (_, config) => ({ messages: await takeInjected(config) }))
    .addEdge(START, "chat")
    .addEdge("chat", "take")
    .addConditionalEdges("take", ({ messages }) => (messages.at(-1)?.type === "human" ? "chat" : END), ["chat", END])
    .compile({ checkpointer: memory() });
}

test.each(["WebSocket frames", "WebSocket bare", "SSE"])(
  "over %s a message waits, is taken, and is answered within the run",
  async (transport) => {
    const model = new SteppedModel();
    const page = await open({ chat: { graph: takingGraph(model) } });
    await page.chooseTransport(transport);
    const waiting = page.conversation.getByRole("article", { name: "Sent into the run" });
    await page.ask("What does it cost?");
    model.say("Ten ");
    await page.answering("Ten");
    await page.message.fill("In euros, please.");
    await page.button("Send into the run").click();
    await waiting.getByText("In euros, please.").waitFor();
    await waiting.getByText("Waits until the agent takes it").waitFor();
    expect(await page.message.inputValue()).toBe("");
    expect(await page.asked.count()).toBe(1);

    model.say("dollars.").end();
    await page.asked.last().getByText("Taken into the run").waitFor();
    await shows(page.asked.last().locator(".bubble"), "In euros, please.");
    expect(await waiting.count()).toBe(0);
    model.say("Nine euros.").end();
    await page.answered("Nine euros.");
    expect(model.prompts).toEqual([
      ["What does it cost?"],
      ["What does it cost?", "Ten dollars.", "In euros, please."],
    ]);
    await page.conversation.locator(".end").last().waitFor();
    expect(await page.conversation.locator(".end").count()).toBe(1);
  },
);

test("a message that the run did not take is returned, on every page, and can be sent or discarded", async () => {
  const model = new SteppedModel();
  const page = await open({ chat: { graph: chatGraph(model) } });
  const waiting = page.conversation.getByRole("article", { name: "Sent into the run" });
  await page.ask("Begin.");
  model.say("I ");
  await page.answering("I");
  await page.ask("One.");
  await page.ask("Two.");
  await expect.poll(() => waiting.getByText("Waits until the agent takes it").count()).toBe(2);
  // A page that is opened later shows them too.
  const other = await another(page);
  const there = other.conversation.getByRole("article", { name: "Sent into the run" });
  await expect.poll(() => there.getByText("Waits until the agent takes it").count()).toBe(2);

  model.say("began.").end();
  await expect.poll(() => waiting.getByText("Returned: the run ended without it").count()).toBe(2);
  await there.first().getByText("Returned").waitFor();
  await waiting.filter({ hasText: "One." }).getByRole("button", { name: "Discard" }).click();
  model.say("Yes, two.").end();
  await waiting.filter({ hasText: "Two." }).getByRole("button", { name: "Send now" }).click();
  await page.answered("Yes, two.");
  expect(await waiting.count()).toBe(0);
  expect(await there.filter({ hasText: "Two." }).count()).toBe(0);
  expect(model.prompts.at(-1)).toEqual(["Begin.", "I began.", "Two."]);
});

test("files do not go into a run, and the person is shown why", async () => {
  const model = new SteppedModel();
  const { page, ask, answering, button, message, answered } = await open({ chat: { graph: takingGraph(model) } });
  await ask("Begin.");
  model.say("I ");
  await answering("I");
  const chosen = page.waitForEvent("filechooser");
  await button("Attach files").click();
  await (await chosen).setFiles({ name: "note.txt", mimeType: "text/plain", buffer: Buffer.from("A note.") });
  await page.getByRole("list", { name: "Attached" }).getByText("note.txt").waitFor();
  await message.fill("Read this.");
  await button("Send into the run").click();
  await page.getByText("An active run takes text only.").waitFor();
  expect(await message.inputValue()).toBe("Read this.");
  model.say("began.").end();
  await answered("I began.");
});
