import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { AIMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { expect, test } from "vitest";
import { approvals } from "../../src/agents/approvals.ts";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { temporaryFolder } from "../support/folder.ts";
import { memory } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { playgroundForFile } from "./playground.ts";

const { open } = playgroundForFile();
const folder = temporaryFolder();

function approvalsAgent(notesDir: string) {
  const model = new DemoChatModel({ firstTokenMs: 0, tokensPerSecond: 0 });
  return { approvals: { graph: approvals({ model, checkpointer: memory(), notesDir }) } };
}

function notesIn(notesDir: string): string[] {
  try {
    return readdirSync(notesDir).map((name) => readFileSync(join(notesDir, name), "utf8"));
  } catch {
    return []; // The agent creates the folder with its first note.
  }
}

test("a question is approved, and what it asked for is done", async () => {
  const notesDir = join(folder, "approved");
  const { ask, button, conversation, quiet, tool } = await open(approvalsAgent(notesDir));
  await ask("Write a note: buy milk");
  await conversation.getByText("May I write this note?").waitFor();
  expect(notesIn(notesDir)).toEqual([]);
  await button("Approve").click();
  await tool("write_note").waitFor();
  await quiet();
  expect(notesIn(notesDir).join()).toContain("buy milk");
  expect(await button("Approve").count()).toBe(0);
});

test("a question is rejected with a reason, and nothing is done", async () => {
  const notesDir = join(folder, "rejected");
  const { ask, button, conversation, quiet, tool } = await open(approvalsAgent(notesDir));
  await ask("Write a note: buy milk");
  await button("Reject").click();
  await conversation.getByLabel(/^Reason/).fill("We have enough.");
  await button("Reject").click();
  await tool("write_note").click();
  await conversation.getByText("We have enough.").first().waitFor();
  await quiet();
  expect(notesIn(notesDir)).toEqual([]);
});

test("what is proposed can be edited, and the page may be reloaded before", async () => {
  const notesDir = join(folder, "edited");
  const { ask, button, conversation, page, quiet, tool } = await open(approvalsAgent(notesDir));
  await ask("Write a note: buy milk");
  await button("Edit").waitFor();
  await page.reload();
  await button("Edit").click();
  await conversation.getByLabel(/^Text/).fill("buy oat milk");
  await button("Approve with changes").click();
  await tool("write_note").waitFor();
  await quiet();
  expect(notesIn(notesDir).join()).toContain("buy oat milk");
});

test("two questions are answered together", async () => {
  const notesDir = join(folder, "two");
  const { ask, conversation, quiet, tool } = await open(approvalsAgent(notesDir));
  await ask("Write two notes: buy milk; call Ann");
  const milk = conversation.getByRole("form", { name: /buy milk/i });
  const ann = conversation.getByRole("form", { name: /call Ann/i });
  await milk.getByRole("button", { name: "Reject" }).click();
  await milk.getByRole("button", { name: "Reject" }).click();
  await conversation.getByText("1 question to answer.").waitFor();
  await ann.getByRole("button", { name: "Approve" }).click();
  await tool("write_note").nth(1).waitFor();
  await quiet();
  expect(notesIn(notesDir)).toHaveLength(1);
  expect(notesIn(notesDir).join()).toContain("call Ann");
});

test("a form is built from the question's schema, and its values arrive with their types", async () => {
  const answers: unknown[] = [];
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("book", () => {
      answers.push(
        interrupt({
          message: "Which room?",
          responseSchema: {
            type: "object",
            properties: {
              floor: { type: "integer", title: "Floor" },
              quiet: { type: "boolean", title: "Quiet side" },
              guest: { type: "string", title: "Guest", default: "Ann" },
            },
            required: ["floor"],
          },
        }),
      );
      return { messages: [new AIMessage("Booked.")] };
    })
    .addEdge(START, "book")
    .compile({ checkpointer: memory() });
  const { ask, answered, button, page } = await open({ hotel: { graph } });
  await ask("A room, please.");
  await page.getByRole("form", { name: "Which room?" }).waitFor();
  await page.getByLabel("Floor").fill("high up");
  await button("Answer").click();
  await page.getByRole("alert").filter({ hasText: "Floor must be a number." }).waitFor();
  await page.getByLabel("Floor").fill("3");
  await page.getByLabel("Quiet side").check();
  await button("Answer").click();
  await answered("Booked.");
  expect(answers).toEqual([{ floor: 3, quiet: true, guest: "Ann" }]);
});

/** Asks "Who are you?" and greets. */
function greeter() {
  return new StateGraph(MessagesAnnotation)
    .addNode("greet", () => ({ messages: [new AIMessage(`Hello, ${JSON.stringify(interrupt("Who are you?"))}.`)] }))
    .addEdge(START, "greet")
    .compile({ checkpointer: memory() });
}

test("an answer goes to the agent that asked, whichever is selected", async () => {
  const other = { graph: chatGraph(new SteppedModel()) };
  const { ask, answered, button, page, conversation } = await open({ greeter: { graph: greeter() }, other });
  await ask("Hello?");
  await page.getByRole("form", { name: "Who are you?" }).waitFor();
  await page.getByRole("combobox", { name: "Agent" }).selectOption("other");
  await page.getByLabel("Answer", { exact: true }).fill("Ann");
  await button("Answer").click();
  await answered('Hello, "Ann".');
  const given = conversation.getByRole("region", { name: "Your answer" });
  await given.getByText("Who are you?").waitFor();
  await given.getByText("Ann", { exact: true }).waitFor();
});

test("what is typed outlives a cut, another conversation and a reload", async () => {
  const { ask, answered, button, cutTheWire, hood, message, openHood, page } = await open({
    greeter: { graph: greeter() },
  });
  await ask("Hello?");
  const form = page.getByRole("form", { name: "Who are you?" });
  const typed = () => form.getByLabel("Answer").inputValue();
  await form.getByLabel("Answer").fill("Ann, from the lock");
  await message.fill("And how far is it?");
  await openHood();
  await cutTheWire();
  await hood.getByText(/^Back in /).waitFor();
  expect(await typed()).toBe("Ann, from the lock");

  const url = page.url();
  await button("New conversation").click();
  await form.waitFor({ state: "detached" });
  expect(await message.inputValue()).toBe("And how far is it?");
  await page.goto(url);
  await form.waitFor();
  expect(await typed()).toBe("Ann, from the lock");
  await page.reload();
  await form.waitFor();
  expect([await typed(), await message.inputValue()]).toEqual(["Ann, from the lock", "And how far is it?"]);
  await button("Answer").click();
  await answered('Hello, "Ann, from the lock".');
  expect(await message.inputValue()).toBe("And how far is it?");
});

test("a refusal does not wear the colour of approval, and a question that is answered says how", async () => {
  const { ask, button, conversation, page, quiet } = await open(approvalsAgent(join(folder, "looks")));
  await ask("Write two notes: buy milk; call Ann");
  const milk = conversation.getByRole("form", { name: /buy milk/i });
  const colour = (name: string) =>
    milk.getByRole("button", { name }).evaluate((element) => getComputedStyle(element).backgroundColor);
  const approving = await colour("Approve");
  expect(await colour("Reject")).not.toBe(approving);
  await milk.getByRole("button", { name: "Reject" }).click();
  expect(await colour("Reject")).not.toBe(approving);
  await milk.getByLabel(/^Reason/).fill("We have enough.");
  await milk.getByRole("button", { name: "Reject" }).click();
  await conversation.getByText("Rejected\nReason: We have enough.").waitFor();
  // The focus moves to the next question, and then to the message box.
  const focused = () => page.evaluate(() => document.activeElement?.closest("form")?.ariaLabel ?? "");
  expect(await focused()).toMatch(/call Ann/i);
  await conversation
    .getByRole("form", { name: /call Ann/i })
    .getByRole("button", { name: "Skip" })
    .click();
  expect(await page.evaluate(() => document.activeElement?.id)).toBe("message");
  await quiet();
  await conversation.getByText("Skipped", { exact: true }).waitFor();
  expect(await button("Approve").count()).toBe(0);
  expect(await page.locator("body").innerText()).not.toContain("__agui");
});

test("an answer that is refused can be given again", async () => {
  const { allow, ask, answered, button, page } = await open({ greeter: { graph: greeter() } });
  await ask("Hello?");
  const form = page.getByRole("form", { name: "Who are you?" });
  await form.getByLabel("Answer").fill("Ann");
  allow(/503/);
  await page.route(/\/threads\/[^/]+$/, (route) => route.fulfill({ status: 503, body: "busy" }));
  await button("Answer").click();
  await page.getByRole("alert").getByText("The server answered 503.").waitFor();
  expect(await form.getByLabel("Answer").inputValue()).toBe("Ann");
  await page.unroute(/\/threads\/[^/]+$/);
  await button("Answer").click();
  await answered('Hello, "Ann".');
});

test("a question is in sight where the conversation was read to its end", async () => {
  const agents = approvalsAgent(join(folder, "in-sight"));
  const { ask, answered, button } = await open(agents, { viewport: { width: 900, height: 560 } });
  await ask("Who are you?");
  await answered(/demo model/);
  await ask("Write two notes: buy milk; call Ann");
  const last = button("Approve").last();
  await last.waitFor();
  const sight = () => last.evaluate((element) => element.getBoundingClientRect().bottom < innerHeight - 60);
  await expect.poll(sight).toBe(true);
});
