import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "@jest/globals";
import { AIMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { approvals } from "../../src/agents/approvals.ts";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { temporaryFolder } from "../support/folder.ts";
import { memory } from "../support/sluice.ts";
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
    return []; // The agent makes the folder with its first note.
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
  await button("Save").click();
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
