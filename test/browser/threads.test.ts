import { expect, test } from "vitest";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { type Playground, playgroundForFile, shows } from "./playground.ts";

const { another, open, serve, visit } = playgroundForFile();

test("a page that is reloaded in mid-run goes on to the complete text", async () => {
  const model = new SteppedModel();
  const first = await open({ chat: { graph: chatGraph(model) } });
  await first.ask("A story?");
  model.say("Once ", "upon ");
  await first.answering("Once upon");

  await first.page.reload();
  await first.answering("Once upon");
  await shows(first.asked, "A story?");
  await first.button("Stop").waitFor();
  model.say("a ", "time.").end();
  await first.answered("Once upon a time.");
  expect(await first.asked.count()).toBe(1);
});

test("a second page on a thread shows live what the first one asks", async () => {
  const model = new SteppedModel();
  const one = await open({ chat: { graph: chatGraph(model) } });
  const two = await another(one);
  await one.ask("Who is there?");
  await shows(two.asked, "Who is there?");
  model.say("Some", "body ");
  await Promise.all([one.answering("Somebody"), two.answering("Somebody")]);
  await two.button("Stop").waitFor();
  model.say("else.").end();
  await Promise.all([one.answered("Somebody else."), two.answered("Somebody else.")]);

  model.say("Me.").end();
  await two.ask("And there?");
  await Promise.all([one.answered("Me."), two.answered("Me.")]);
  expect(await texts(one)).toEqual(["Who is there?", "Somebody else.", "And there?", "Me."]);
  expect(await texts(two)).toEqual(await texts(one));
});

/** The questions and answers, in the order of the page. */
function texts({ conversation }: Playground): Promise<string[]> {
  return conversation.locator(".bubble, .answer .markdown").allInnerTexts();
}

test("conversations have titles, are shown again after a reload, and can be deleted", async () => {
  const model = new SteppedModel();
  const { page, ask, answered, answers, asked, threads, button } = await open({ chat: { graph: chatGraph(model) } });
  model.say("Brown.").end();
  await ask("What colour is a fox?");
  await answered("Brown.");
  await button("New conversation").click();
  model.say("Blue.").end();
  await ask("What colour is the sea?");
  await answered("Blue.");
  const names = threads.locator(".title");
  await names.filter({ hasText: "the sea" }).waitFor();
  expect(await names.allInnerTexts()).toEqual(["What colour is the sea?", "What colour is a fox?"]);

  await page.reload();
  await answered("Blue.");
  await names.filter({ hasText: "a fox" }).click();
  await answered("Brown.");
  await shows(asked, "What colour is a fox?");

  await threads.filter({ hasText: "a fox" }).hover();
  await button("Delete What colour is a fox?").click();
  await button("Delete").click();
  await names.filter({ hasText: "a fox" }).waitFor({ state: "detached" });
  await answers.waitFor({ state: "detached" });
  await page.reload();
  await names.filter({ hasText: "the sea" }).waitFor();
  expect(await names.allInnerTexts()).toEqual(["What colour is the sea?"]);
});

test("the browser's way back leads to the conversation before", async () => {
  const model = new SteppedModel();
  const { page, ask, answered, button, answers } = await open({ chat: { graph: chatGraph(model) } });
  model.say("Here.").end();
  await ask("Where?");
  await answered("Here.");
  await button("New conversation").click();
  await answers.waitFor({ state: "detached" });
  await page.goBack();
  await answered("Here.");
});

test("a thread that the list does not reach to goes on with the agent that answered there", async () => {
  const says = (word: string) => ({ graph: chatGraph(new SteppedModel({ always: [word] })) });
  const { url } = await serve({ other: says("Nobody."), writer: says("Me.") });
  const say = (threadId: string, agent: string) =>
    fetch(`${url}/chat`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ message: "Who?", threadId, agent }),
    });
  await say("old", "writer");
  for (let later = 0; later < 30; later += 1) await say(`later-${later}`, "other");

  const { page, ask, answered } = await visit(`${url}/#thread=old`);
  await page.getByRole("combobox").and(page.locator(":has(option:checked:text-is('writer'))")).waitFor();
  await ask("And now?");
  await answered("Me.");
});
