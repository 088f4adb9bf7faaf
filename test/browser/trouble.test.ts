/** Faults around the page: of the server, of the agent, and in the events they send. */
import { join } from "node:path";
import { AIMessage, ToolMessage } from "@langchain/core/messages";
import { MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
import { expect, test } from "vitest";
import { createSluice } from "../../src/app/sluice.ts";
import { openStorage } from "../../src/app/storage.ts";
import { builtPlayground } from "../support/chromium.ts";
import { temporaryFolder } from "../support/folder.ts";
import { startHost } from "../support/host.ts";
import { memory, startSluice } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { withoutUpgrades } from "../support/without-upgrades.ts";
import { playgroundForFile, shows } from "./playground.ts";

const { open, visit, closes } = playgroundForFile();
const folder = temporaryFolder();

test("while the server is gone the page says so and counts down; when it is back, so is the page", async () => {
  const model = new SteppedModel();
  const chat = { graph: chatGraph(model) };
  const start = (env = {}) =>
    startSluice({ chat }, env, {
      playground: builtPlayground(),
      store: openStorage(join(folder, "gone")).store,
    });
  const before = await start();
  const { page, allow, ask, answered, answers, button } = await visit(before.url);
  model.say("Here.").end();
  await ask("Are you there?");
  await answered("Here.");

  // A request that is active while the server stops is reset.
  allow(/ERR_CONNECTION_(REFUSED|RESET)/);
  await before.close();
  await page.getByText("The server cannot be reached.").waitFor();
  await page.getByText(/Trying again in \d+ s\./).waitFor();

  const after = await start({ PORT: new URL(before.url).port });
  closes(() => after.close());
  await button("Try now").or(page.locator(".line.open")).first().click();
  await page.getByText("The server cannot be reached.").waitFor({ state: "detached" });
  await shows(answers, "Here.");
  model.say("Again.").end();
  await ask("And now?");
  await answered("Again.");
  expect(model.prompts.at(-1)).toEqual(["Are you there?", "Here.", "And now?"]);
});

test("a person who is signed out sees that", async () => {
  let signedIn = true;
  const sluice = createSluice({
    agents: { chat: chatGraph(new SteppedModel()) },
    playground: true,
    authorize: () => signedIn,
  });
  const host = await startHost((app, server) => {
    app.use(sluice.router);
    sluice.attach(server);
  });
  closes(async () => {
    await host.close();
    await sluice.close();
  });
  const { page, allow, openHood, button } = await visit(host.url);
  await openHood();
  allow(/401|HTTP Authentication failed/);
  signedIn = false;
  await button("Cut the wire").click();
  await page.getByRole("alert").getByText("You are not signed in, or your sign-in has ended.").waitFor();
  await page.getByRole("alert").getByText("Sign in to the app in another tab").waitFor();
});

test("where no WebSocket gets through the page says so and offers SSE, and it claims no run", async () => {
  const model = new SteppedModel();
  const sluice = await startSluice({ chat: { graph: chatGraph(model) } }, {}, { playground: builtPlayground() });
  const proxy = await withoutUpgrades(sluice.url);
  closes(async () => {
    await proxy.close();
    await sluice.close();
  });
  const { page, allow, ask, answered, button, hood, openHood } = await visit(proxy.url);
  allow(/WebSocket connection to .* failed/);
  await openHood();
  const offer = page.getByRole("alert").getByText("WebSockets do not reach the server.");
  await offer.waitFor();
  expect(await hood.innerText()).not.toContain("The run continues");
  await button("Use SSE").click();
  await offer.waitFor({ state: "detached" });
  model.say("Over SSE.").end();
  await ask("Hello?");
  await answered("Over SSE.");
});

test("an agent that is broken says its code, and the page stays usable", async () => {
  let broken = true;
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("chat", () => {
      if (broken) throw new Error("out of order");
      return { messages: [new AIMessage("Mended.")] };
    })
    .addEdge(START, "chat")
    .compile({ checkpointer: memory() });
  const { ask, answered, conversation } = await open({ chat: { graph } });
  await ask("Hello?");
  const failure = conversation.getByRole("alert");
  await failure.getByText("graph_error", { exact: true }).waitFor();
  broken = false;
  await ask("And now?");
  await answered("Mended.");
});

test("what a model says can neither run nor fetch nor lead astray", async () => {
  const hostile = [
    "<script>window.hacked = 'script'</script>",
    '<img src="https://elsewhere.example/a.png" onerror="window.hacked = \'image\'">',
    "![a picture](https://elsewhere.example/b.png)",
    "[a link](javascript:window.hacked='link') and [another](data:text/html,<script>1</script>)",
    '<a href="javascript:window.hacked=1">raw</a> <a href="https://elsewhere.example/" target="_self">away</a>',
    '<iframe src="https://elsewhere.example/"></iframe><object data="https://elsewhere.example/"></object>',
    "<style>body { background: url(https://elsewhere.example/c.png) }</style>",
    '<form action="https://elsewhere.example/"><input name="key"><button>Go</button></form>',
    '<svg onload="window.hacked=1"><a xlink:href="javascript:1"><text>x</text></a></svg>',
    '<p style="position:fixed;inset:0" id="page" class="veil">over everything</p>',
  ].join("\n\n");
  const model = new SteppedModel();
  const { page, ask, quiet, answers, conversation } = await open({ chat: { graph: chatGraph(model) } });
  await ask("Hello?");
  for (const piece of hostile.match(/[\s\S]{1,7}/g) ?? []) model.say(piece);
  model.say("\n\nThe end.").end();
  await answers.getByText("The end.").waitFor();
  await quiet();

  expect(await page.evaluate(() => Reflect.get(window, "hacked"))).toBeUndefined();
  expect(
    await conversation.locator(".markdown").locator("script, img, iframe, object, style, form, input, svg").count(),
  ).toBe(0);
  expect(await conversation.locator(".markdown [style], .markdown [id], .markdown .veil").count()).toBe(0);
  const links = await conversation
    .locator(".markdown a")
    .evaluateAll((all) =>
      all.map((link) => [link.getAttribute("href"), link.getAttribute("target"), link.getAttribute("rel")].join(" ")),
    );
  expect(links.filter((link) => /javascript:|data:/i.test(link))).toEqual([]);
  const safe = links.filter((link) => link.startsWith("https:"));
  expect(safe.length).toBeGreaterThan(0);
  expect(new Set(safe.map((link) => link.replace(/^\S+ /, "")))).toEqual(new Set(["_blank noopener noreferrer"]));
});

test("a very long line and text from right to left stay where they belong", async () => {
  const model = new SteppedModel();
  const { ask, quiet, answers, answered, staysInside, conversation } = await open({
    chat: { graph: chatGraph(model) },
  });
  const long = "x".repeat(5_000);
  model.say(`${long}\n\n\`${long}\`\n\n\`\`\`\n${long}\n\`\`\`\n\n| a | b |\n| - | - |\n| ${long} | ${long} |`).end();
  await ask(long);
  await answers.getByRole("table").waitFor();
  await quiet();
  await staysInside();
  const box = await conversation.evaluate(({ scrollWidth, clientWidth }) => [scrollWidth, clientWidth]);
  expect(box[0]).toBe(box[1]);

  model.say("القناة تحمل الماء.").end();
  await ask("ما هي القناة؟");
  await answered("القناة تحمل الماء.");
  const paragraph = answers.last().getByText("القناة تحمل الماء.");
  expect(await paragraph.evaluate((element) => getComputedStyle(element).direction)).toBe("rtl");
  expect(
    await conversation
      .locator(".bubble")
      .last()
      .evaluate((element) => getComputedStyle(element).direction),
  ).toBe("rtl");
  await staysInside();
});

test("a tool result of 1 MB leaves the page usable", async () => {
  const result = JSON.stringify(Array.from({ length: 24_000 }, (_, index) => ({ index, text: "some text of a row" })));
  expect(result.length).toBeGreaterThan(900_000);
  const graph = new StateGraph(MessagesAnnotation)
    .addNode("call", () => ({
      messages: [new AIMessage({ content: "", tool_calls: [{ name: "list_rows", args: {}, id: "call-1" }] })],
    }))
    .addNode("tools", () => ({
      messages: [new ToolMessage({ content: result, tool_call_id: "call-1", name: "list_rows" })],
    }))
    .addNode("say", () => ({ messages: [new AIMessage("There are 20000.")] }))
    .addEdge(START, "call")
    .addEdge("call", "tools")
    .addEdge("tools", "say")
    .compile({ checkpointer: memory() });
  const { page, ask, answered, conversation, events, openHood, hood, staysInside, tool } = await open({
    chat: { graph },
  });
  await openHood();
  await ask("All rows, please.");
  await answered("There are 20000.");
  await tool("list_rows").click();
  const shown = conversation.getByRole("group", { name: "The result" });
  await shown.waitFor();
  expect((await shown.innerText()).length).toBeLessThan(2_000);
  await conversation.getByRole("button", { name: /^Show 100 kB more of/ }).click();
  await shown.filter({ hasText: '"index":1000' }).waitFor();

  await hood.getByRole("searchbox", { name: "Search events" }).fill("TOOL_CALL_RESULT");
  await events.getByText("TOOL_CALL_RESULT").click();
  const details = hood.getByRole("region", { name: "Event details" });
  await details.getByText("more characters").waitFor();
  expect((await details.innerText()).length).toBeLessThan(60_000);
  await staysInside();
  // Drawing everything again must be too quick to notice.
  const took = await page.evaluate(async () => {
    const began = performance.now();
    document.documentElement.dataset.theme = "dark";
    document.body.getBoundingClientRect();
    await new Promise((drawn) => requestAnimationFrame(() => requestAnimationFrame(drawn)));
    return performance.now() - began;
  });
  expect(took).toBeLessThan(1_000);
});
