/** The examples that put Sluice into somebody's server: a person uses each with the playground that it shows. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { HttpAgent } from "@ag-ui/client";
import { expect, test } from "vitest";
import { arrived, type Playground, playgroundForFile } from "../browser/playground.ts";
import { expectAccessible } from "../support/accessible.ts";
import { type CutLine, cutLine } from "../support/cut-line.ts";
import { EXAMPLES, examplesForFile } from "./example.ts";

const start = examplesForFile(); // First, so that the pages are closed before the servers end.
const { visit, browser, closes } = playgroundForFile();

test.each(["hono", "fastify", "agentcore"])(
  "%s: chats, calls, asks, stops, comes back, and is accessible",
  async (name) => {
    const line = await served(name);
    await converse(await visit(line.url), line);
  },
);

test("express: the same for a person who has signed in, and no other", async () => {
  const line = await served("express");
  const opened = await browser.visit(line.url);
  await expectAccessible(opened.page);
  await opened.page.getByLabel("Name").fill("Ann");
  await opened.page.getByRole("button", { name: "Sign in" }).click();
  await converse(await arrived(opened), line);
  expect((await fetch(`${line.url}/ai/threads`)).status).toBe(401);
});

test("agentcore: answers as the platform asks", async () => {
  const { url } = await start("agentcore");
  expect(await (await fetch(`${url}/ping`)).json()).toMatchObject({ status: "Healthy" });
  const headers = { "X-Amzn-Bedrock-AgentCore-Runtime-Session-Id": "a-session" };
  const agent = new HttpAgent({ url: `${url}/invocations`, headers });
  agent.addMessage({ id: "1", role: "user", content: 'What is the weather in "Oslo"?' });
  await agent.runAgent();
  expect(agent.messages.map(({ role }) => role)).toEqual(["user", "assistant", "tool", "assistant"]);
});

test("each has the same graph", () => {
  const graphs = ["express", "hono", "fastify", "agentcore"].map((name) =>
    readFileSync(join(EXAMPLES, name, "graph.mjs"), "utf8"),
  );
  expect(new Set(graphs).size).toBe(1);
});

/** The demo model's answer when it has no other, from its first word to its last. */
const INTRODUCTION = /^\s*I am the demo model.*start the server again\.\s*$/s;

/** The example, with a line to it that can be cut. */
async function served(name: string): Promise<CutLine> {
  const line = await cutLine((await start(name)).url);
  closes(() => line.close());
  return line;
}

async function converse(page: Playground, line: CutLine): Promise<void> {
  const { allow, ask, answered, answering, button, conversation, quiet, tool } = page;
  await ask('What is the weather in "Oslo"?');
  await tool("weather").waitFor();
  await answered(/Sunny in Oslo/);

  await ask("Write a note: buy milk");
  await button("Approve").click();
  await tool("write_note").waitFor();
  await answered(/buy milk/);

  await ask("Be slow");
  await button("Stop").click();
  await quiet();

  await ask("Who are you?");
  await answering("I am the demo model");
  allow(/WebSocket connection|Failed to load resource|ERR_/); // the line is cut now
  line.cut();
  await answered(INTRODUCTION);

  await page.page.reload();
  await conversation.getByText("Sunny in Oslo").first().waitFor();
  await answered(INTRODUCTION);
  await expectAccessible(page.page);
}
