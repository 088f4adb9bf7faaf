/** A link to a thread: others can watch the thread, and nothing else. */

import { join } from "node:path";
import { AIMessage } from "@langchain/core/messages";
import { interrupt, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { expect, test } from "vitest";
import { openStorage } from "../../src/app/storage.ts";
import type { Visit } from "../support/browser.ts";
import { builtPlayground } from "../support/chromium.ts";
import { temporaryFolder } from "../support/folder.ts";
import { memory, startSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { oneKey } from "../support/tokens.ts";
import { arrived, type Playground, playgroundForFile, shows } from "./playground.ts";

const { browser, closes, serve } = playgroundForFile();
const folder = temporaryFolder();

async function signedIn(url: string, key: string): Promise<Playground> {
  const visit = await browser.visit(url);
  visit.allow(/status of 401/);
  const dialog = visit.page.getByRole("dialog", { name: "Sign in" });
  await dialog.getByLabel("API key or token").fill(key);
  await dialog.getByRole("button", { name: "Sign in" }).click();
  return arrived(visit);
}

/** Makes a link to the only thread of the list. */
async function makeLink({ page, threads, button }: Playground): Promise<string> {
  await threads.first().hover();
  await page.getByRole("button", { name: /^Share / }).click();
  await button("Make a link").click();
  return page.getByRole("textbox", { name: "Link" }).inputValue();
}

/** Opens a link in a new browser context, and waits for the conversation. */
async function follow(link: string) {
  const visit = await browser.visit(link);
  await visit.page.getByRole("heading", { name: "Shared conversation" }).waitFor();
  const conversation = visit.page.getByRole("region", { name: "Conversation", exact: true });
  const answers = conversation.getByRole("article", { name: "Answer", exact: true });
  return { ...visit, conversation, answers };
}

function notice({ page }: Pick<Visit, "page">) {
  return page.getByRole("alert").filter({ hasText: "This link is not valid, or no longer valid." });
}

test("a link shows what was said and what is said now, and has nothing to write with", async () => {
  const model = new SteppedModel();
  const { key, env } = oneKey("ann");
  const { url } = await serve({ chat: { graph: chatGraph(model) } }, env);
  const hers = await signedIn(url, key);
  model.say("Blue.").end();
  await hers.ask("What colour is the sea?");
  await hers.answered("Blue.");
  const link = await makeLink(hers);
  expect(link).not.toContain(key);

  const addresses: string[] = [];
  const theirs = await follow(link);
  theirs.page.on("request", (request) => addresses.push(request.url()));
  theirs.page.on("websocket", (socket) => addresses.push(socket.url()));
  await shows(theirs.answers.locator(".markdown"), "Blue.");
  await hers.button("Done").click();
  await hers.ask("And at night?");
  model.say("Bl", "ack");
  await theirs.answers.last().filter({ hasText: "Black" }).waitFor();
  model.say(".").end();
  await shows(theirs.answers.last().locator(".markdown"), "Black.");

  // No remaining control changes the thread.
  await theirs.page.locator(".end").last().waitFor();
  const controls = theirs.page.locator("button, input, textarea, select, a[href]");
  const names = new Set(await controls.evaluateAll((all) => all.map((one) => one.getAttribute("aria-label"))));
  expect([...names].filter((name) => !/^(Copy (message|answer)|Theme: .*)$/.test(name ?? ""))).toEqual([]);
  await theirs.page.keyboard.press("Escape");

  // The page reconnects by itself, and after a reload.
  await theirs.page.reload();
  await shows(theirs.answers.last().locator(".markdown"), "Black.");
  const secret = new URL(link).hash.slice("#share=".length);
  expect(addresses.length).toBeGreaterThan(2);
  expect(addresses.filter((address) => address.includes(secret) && !address.startsWith(`${url}/#`))).toEqual([]);
});

test("a link that is revoked cuts its readers within 5 s, and leads nowhere", async () => {
  const model = new SteppedModel({ always: ["Here."] });
  const { key, env } = oneKey("ann");
  const { url, sockets } = await serve({ chat: { graph: chatGraph(model) } }, env);
  const hers = await signedIn(url, key);
  await hers.ask("Where?");
  await hers.answered("Here.");
  const link = await makeLink(hers);
  const theirs = await follow(link);
  await theirs.answers.getByText("Here.").waitFor();
  expect(sockets.size).toBe(2);

  theirs.allow(/status of 401/);
  const revokedAt = Date.now();
  await hers.page.getByRole("list", { name: "Links" }).getByRole("button", { name: "Revoke" }).click();
  await hers.page.getByRole("list", { name: "Links" }).getByRole("listitem").waitFor({ state: "detached" });
  await notice(theirs).waitFor();
  expect(Date.now() - revokedAt).toBeLessThan(5_000);
  await expect.poll(() => sockets.size).toBe(1);

  await theirs.page.reload();
  await notice(theirs).waitFor();
  expect(await theirs.answers.count()).toBe(0);
  await hers.ask("And now?");
  await hers.answered("Here.");
});

test("an address that becomes a link shows the shared conversation, and the way back leads back", async () => {
  const model = new SteppedModel({ always: ["Here."] });
  const { url } = await serve({ chat: { graph: chatGraph(model) } });
  const hers = await arrived(await browser.visit(url));
  await hers.ask("Where?");
  await hers.answered("Here.");
  const link = await makeLink(hers);
  await hers.page.evaluate((hash) => {
    location.hash = hash;
  }, new URL(link).hash);
  await hers.page.getByRole("heading", { name: "Shared conversation" }).waitFor();
  await hers.answers.getByText("Here.").waitFor();
  expect(await hers.message.count()).toBe(0);
  await hers.page.goBack();
  await hers.message.waitFor();
  await hers.answered("Here.");
});

test("a server that comes back gives the readers of a link another ticket", async () => {
  const model = new SteppedModel({ always: ["Here."] });
  const start = (env = {}) =>
    startSluice({ chat: { graph: chatGraph(model) } }, env, {
      playground: builtPlayground(),
      store: openStorage(join(folder, "shared")).store,
    });
  const before = await start();
  const hers = await arrived(await browser.visit(before.url));
  await hers.ask("Where?");
  await hers.answered("Here.");
  const theirs = await follow(await makeLink(hers));
  await theirs.answers.getByText("Here.").waitFor();
  for (const { allow } of [hers, theirs]) allow(/ERR_CONNECTION_(REFUSED|RESET)/);
  await before.close();
  await theirs.page.locator(".line.waiting").waitFor();
  const after = await start({ PORT: new URL(before.url).port });
  closes(() => after.close());
  await theirs.page.locator(".line.open").waitFor();
  await hers.button("Done").click();
  await hers.ask("And now?");
  await theirs.conversation.getByRole("article", { name: "You", exact: true }).getByText("And now?").waitFor();
  await expect.poll(() => theirs.answers.count()).toBe(2);
});

test("readers of a link see that the agent waits, and cannot answer", async () => {
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("ask", () => ({ messages: [new AIMessage(String(interrupt("Shall I?")))] }))
    .addEdge(START, "ask")
    .compile({ checkpointer: memory() });
  const hers = await arrived(await browser.visit((await serve({ chat: { graph } })).url));
  await hers.ask("Begin.");
  await hers.conversation.getByText("Shall I?").waitFor();
  const theirs = await follow(await makeLink(hers));
  await theirs.page.getByText("The agent waits for the user's answer.").waitFor();
  expect(await theirs.page.locator("form").count()).toBe(0);
});
