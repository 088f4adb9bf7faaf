/** The page with a server that requires sign-in. */
import { expect, test } from "vitest";
import type { Visit } from "../support/browser.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { inSeconds, JWT, oneKey, token } from "../support/tokens.ts";
import { arrived, type Playground, playgroundForFile } from "./playground.ts";

const { browser, serve } = playgroundForFile();

/** Opens a page that asks for a sign-in, without motion: while such pages wait, their animations would cost a core. */
async function asked(url: string): Promise<Visit> {
  const visit = await browser.visit(url, { reducedMotion: "reduce" });
  visit.allow(/status of 401/);
  await dialogOf(visit).waitFor();
  return visit;
}

function dialogOf({ page }: Pick<Visit, "page">) {
  return page.getByRole("dialog", { name: "Sign in" });
}

async function giveKey(visit: Pick<Visit, "page">, key: string): Promise<void> {
  const dialog = dialogOf(visit);
  await dialog.getByLabel("API key or token").fill(key);
  await dialog.getByRole("button", { name: "Sign in" }).click();
}

async function signedIn(url: string, key: string): Promise<Playground> {
  const visit = await asked(url);
  await giveKey(visit, key);
  await dialogOf(visit).waitFor({ state: "detached" });
  return arrived(visit);
}

/** Waits until the server refuses a token. */
async function isOver(url: string, old: string): Promise<void> {
  const status = async () => (await fetch(`${url}/agui/info`, { headers: { Authorization: `Bearer ${old}` } })).status;
  await expect.poll(status, { interval: 100 }).toBe(401);
}

test("a key that is not known is refused; one that is known opens the page over every transport", async () => {
  const model = new SteppedModel();
  const { key, env } = oneKey("ann");
  const { url } = await serve({ chat: { graph: chatGraph(model) } }, env);
  const visit = await asked(url);
  const addresses: string[] = [];
  visit.page.on("request", (request) => addresses.push(request.url()));
  visit.page.on("websocket", (socket) => addresses.push(socket.url()));
  await visit.page.keyboard.press("Escape");
  await giveKey(visit, oneKey("bob").key);
  await dialogOf(visit).getByRole("alert").waitFor();
  await giveKey(visit, key);
  const { page, ask, answered, chooseTransport } = await arrived(visit);
  for (const transport of ["WebSocket frames", "WebSocket bare", "SSE"]) {
    await chooseTransport(transport);
    model.say(`Over ${transport}.`).end();
    await ask(`How about ${transport}?`);
    await answered(`Over ${transport}.`);
  }
  const kept = await page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
  expect(kept).not.toContain(key);
  expect(addresses.filter((address) => address.includes(key))).toEqual([]);
});

test("signing out cuts the line, and the page keeps neither the key nor what was said", async () => {
  const model = new SteppedModel();
  const { key, env } = oneKey("ann");
  const { url, sockets } = await serve({ chat: { graph: chatGraph(model) } }, env);
  const { page, ask, answered, message, button, answers } = await signedIn(url, key);
  model.say("A secret.").end();
  await ask("Who am I?");
  await answered("A secret.");
  await message.fill("A draft.");

  expect(sockets.size).toBe(1);
  await button("Sign out").click();
  await expect.poll(() => sockets.size).toBe(0);
  await dialogOf({ page }).waitFor();
  expect(await answers.count()).toBe(0);
  expect(await page.locator("body").innerText()).not.toContain("Who am I?");
  expect(await message.inputValue()).toBe("");
});

/** The life of the tokens that expire: long enough to open a page, also on a busy machine. The tests wait for its end. */
const soon = () => token({}, inSeconds(12));

test("a token that expires in mid-answer is renewed on the same socket, and over SSE: no token of the answer is lost", async () => {
  await Promise.all([renewedOnASocket(), renewedOverSse()]);
});

async function renewedOnASocket(): Promise<void> {
  const model = new SteppedModel();
  const { url } = await serve({ chat: { graph: chatGraph(model) } }, JWT);
  const visit = await asked(url);
  let sockets = 0;
  visit.page.on("websocket", () => {
    sockets += 1;
  });
  // The token is valid for less than a minute, so the server warns at once.
  const first = await soon();
  await giveKey(visit, first);
  const { ask, answering, answered } = await arrived(visit);
  await ask("A story?");
  await dialogOf(visit).getByText("Your sign-in expires within a minute.").waitFor();
  model.say("Once ", "upon ");
  await answering("Once upon");
  await giveKey(visit, await token());
  await dialogOf(visit).waitFor({ state: "detached" });
  await isOver(url, first);
  model.say("a ", "time.").end();
  await answered("Once upon a time.");
  expect(sockets).toBe(1);
}

async function renewedOverSse(): Promise<void> {
  const model = new SteppedModel();
  const { url } = await serve({ chat: { graph: chatGraph(model) } }, JWT);
  const page = await signedIn(url, await token());
  await page.chooseTransport("SSE");
  await page.button("Sign out").click();
  const reads: string[] = [];
  page.page.on("request", (request) => {
    if (/\/(run|events)\?/.test(request.url())) reads.push(request.method());
  });
  const first = await soon();
  await giveKey(page, first);
  await dialogOf(page).getByText("Your sign-in expires within a minute.").waitFor();
  await page.ask("A story?");
  model.say("Once ", "upon ");
  await page.answering("Once upon");
  await giveKey(page, await token());
  await dialogOf(page).waitFor({ state: "detached" });
  await isOver(url, first);
  model.say("a ", "time.").end();
  await page.answered("Once upon a time.");
  expect(model.prompts).toEqual([["A story?"]]);
  // The page watched the thread, started the run, and continued to read with the next token.
  expect(reads).toEqual(["GET", "POST", "GET"]);
}

test("over every transport a sign-in that has ended is made again, and the answer is whole", async () => {
  await Promise.all(["WebSocket frames", "WebSocket bare", "SSE"].map(madeAgain));
});

async function madeAgain(transport: string): Promise<void> {
  const model = new SteppedModel();
  const { url } = await serve({ chat: { graph: chatGraph(model) } }, JWT);
  const page = await signedIn(url, await token());
  await page.chooseTransport(transport);
  page.allow(/ERR_INCOMPLETE_CHUNKED_ENCODING/); // A response over SSE is cut.
  await page.button("Sign out").click();
  await giveKey(page, await soon());
  await dialogOf(page).getByRole("button", { name: "Later" }).click();
  await page.ask("A story?");
  model.say("Once ");
  await page.answering("Once");
  await dialogOf(page).getByText("Your sign-in has expired.").waitFor();
  model.say("upon ", "a ");
  await giveKey(page, await token());
  await page.answering("Once upon a");
  model.say("time.").end();
  await page.answered("Once upon a time.");
  expect(model.prompts).toEqual([["A story?"]]);
}
