/** The page in dark colours, on a phone, by keyboard and by screen reader. */
import { join } from "node:path";
import type { BrowserContextOptions } from "playwright-core";
import { describe, expect, test } from "vitest";
import { approvals } from "../../src/agents/approvals.ts";
import { assistant } from "../../src/agents/assistant.ts";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { expectAccessible } from "../support/accessible.ts";
import { temporaryFolder } from "../support/folder.ts";
import { memory } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { type Playground, playgroundForFile } from "./playground.ts";

const { open } = playgroundForFile();
const folder = temporaryFolder();

const PHONE: BrowserContextOptions = { viewport: { width: 390, height: 844 }, isMobile: true, hasTouch: true };

const model = new DemoChatModel({ firstTokenMs: 0, tokensPerSecond: 0 });
const agents = () => ({
  assistant: {
    graph: assistant({ model, checkpointer: memory() }),
    entry: { description: "Answers with tools.", prompts: ["What is 12 * 7?"] },
  },
  approvals: { graph: approvals({ model, checkpointer: memory(), notesDir: join(folder, "notes") }) },
});

/** Returns whether the page's background is dark. */
function dark({ page }: Playground): Promise<boolean> {
  return page.evaluate(() => {
    const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    if (!canvas) throw new Error("no canvas");
    canvas.fillStyle = getComputedStyle(document.body).backgroundColor;
    canvas.fillRect(0, 0, 1, 1);
    return [...canvas.getImageData(0, 0, 1, 1).data.slice(0, 3)].every((part) => part < 80);
  });
}

test("dark follows the system, and the switch wins over it and is remembered", async () => {
  const page = await open(agents(), { colorScheme: "dark" });
  expect(await dark(page)).toBe(true);
  await page.button("Theme: like the system").click();
  await page.button("Theme: light").waitFor();
  expect(await dark(page)).toBe(false);
  await page.page.reload();
  await page.button("Theme: light").click();
  expect(await dark(page)).toBe(true);
  await page.page.emulateMedia({ colorScheme: "light" });
  expect(await dark(page)).toBe(true);
  await page.button("Theme: dark").click();
  expect(await dark(page)).toBe(false);
});

describe("a phone", () => {
  test("has everything within reach, and nothing sticks out", async () => {
    const { ask, answered, button, page, staysInside, tool, hood, openHood, threads } = await open(agents(), PHONE);
    await staysInside();
    await ask("Please think: what is 12 * 7?");
    await answered(/12 \* 7 = 84/);
    await tool("calculator").tap();
    await staysInside();

    await openHood();
    await staysInside();
    await hood.getByRole("button", { name: "Cut the wire" }).tap();
    await hood.getByText(/^Back in /).waitFor();
    await hood.getByRole("button", { name: "Copy as HttpAgent" }).scrollIntoViewIfNeeded();
    await hood.getByRole("button", { name: "Close", exact: true }).tap();
    await hood.waitFor({ state: "detached" });

    await button("Conversations").tap();
    await threads.getByText("12 * 7").waitFor();
    await staysInside();
    await button("New conversation").tap();
    await page.getByRole("combobox", { name: "Agent" }).selectOption("approvals");
    await page.getByRole("textbox", { name: "Message", exact: true }).tap();
    await ask("Write a note: buy milk");
    await button("Edit").tap();
    await staysInside();
  });

  test("has a drawer that takes the focus and hears Escape, and so has the panel", async () => {
    const { button, hood, page } = await open(agents(), PHONE);
    const focused = () => page.evaluate(() => document.activeElement?.textContent || document.activeElement?.ariaLabel);
    await button("Conversations").tap();
    await expect.poll(focused).toContain("New conversation");
    for (let presses = 0; presses < 20; presses += 1) {
      await page.keyboard.press("Tab");
      expect(await page.evaluate(() => document.activeElement?.closest("main, .hood"))).toBeNull();
    }
    await page.keyboard.press("Escape");
    await page.locator(".menu-open").waitFor({ state: "detached" });
    await page.waitForFunction(() => document.activeElement?.ariaLabel === "Conversations");

    await button("Under the hood").tap();
    await page.waitForFunction(() => document.activeElement?.closest(".hood"));
    await page.keyboard.press("Escape");
    await hood.waitFor({ state: "detached" });
    expect(await focused()).toContain("Under the hood");
  });

  test("has targets of 44 pixels", async () => {
    const { ask, answered, button, conversation, openHood, hood, page, tool } = await open(agents(), PHONE);
    /** Returns the visible controls that are smaller, with their sizes. */
    const small = () =>
      page.evaluate(() =>
        [...document.querySelectorAll("button, select, textarea, summary, a, input:not([type=file])")].flatMap(
          (element) => {
            const target = element.matches("input") ? (element.closest("label, .labelled") ?? element) : element;
            const { width, height } = target.getBoundingClientRect();
            const skips = element.matches(".skip") || width === 0 || (width >= 44 && height >= 44);
            return skips ? [] : [`${element.ariaLabel ?? element.textContent}: ${width} x ${height}`];
          },
        ),
      );
    expect(await small()).toEqual([]);
    await ask("Please think: what is 12 * 7?");
    await answered(/12 \* 7 = 84/);
    await tool("calculator").tap();
    expect(await small()).toEqual([]);
    await openHood();
    expect(await small()).toEqual([]);
    await hood.getByRole("button", { name: "Close", exact: true }).tap();
    await button("Conversations").tap();
    expect(await small()).toEqual([]);
    await button("New conversation").tap();
    await page.getByRole("combobox", { name: "Agent" }).selectOption("approvals");
    await ask("Write a note: buy milk");
    await button("Edit").tap();
    await conversation.getByLabel(/^Text/).waitFor();
    expect(await small()).toEqual([]);
  });

  test("even one of 320 pixels", async () => {
    const { ask, answered, staysInside, openHood } = await open(agents(), {
      ...PHONE,
      viewport: { width: 320, height: 568 },
    });
    await ask("What is 12 * 7?");
    await answered(/12 \* 7 = 84/);
    await staysInside();
    await openHood();
    await staysInside();
  });
});

test("by keyboard alone: to the box, send, stop", async () => {
  const stepped = new SteppedModel();
  const { button, page, answering, conversation, quiet } = await open({ chat: { graph: chatGraph(stepped) } });
  const focused = () => page.evaluate(() => document.activeElement?.getAttribute("aria-label") ?? "");
  const tabTo = async (name: string) => {
    for (let presses = 0; (await focused()) !== name; presses += 1) {
      expect(presses).toBeLessThan(30);
      await page.keyboard.press("Tab");
    }
  };
  await expect.poll(focused).toBe("Message"); // From the beginning.
  await page.keyboard.type("Hello?");
  await page.keyboard.press("Enter");
  stepped.say("Half ");
  await answering("Half");
  await tabTo("Stop");
  await page.keyboard.press("Enter");
  await conversation.getByText("Stopped", { exact: true }).waitFor();
  await quiet();

  await page.evaluate(() => (document.activeElement as HTMLElement | null)?.blur());
  await page.locator("body").press("Tab");
  await button("Skip to the message box").press("Enter");
  await page.keyboard.type("Again?");
  await page.keyboard.press("Enter");
  stepped.say("Half again");
  await answering("Half again");
  await page.keyboard.press("Escape");
  await conversation.getByText("Stopped", { exact: true }).nth(1).waitFor();
  await quiet();
});

test("the panel begins anew with a new conversation, and its list shows enough rows on a laptop", async () => {
  const { ask, answered, button, events, hood, openHood } = await open(agents());
  await openHood();
  await ask("What is 12 * 7?");
  await answered(/12 \* 7 = 84/);
  await events.getByText("RUN_FINISHED").waitFor();
  const rows = await events.evaluate((table) => {
    const { top, bottom } = (table.parentElement as HTMLElement).getBoundingClientRect();
    return bottom <= innerHeight ? Math.floor((bottom - top) / 26) - 1 : "the newest events are out of sight";
  });
  expect(rows).toBeGreaterThanOrEqual(7);
  await button("New conversation").click();
  await hood.getByText("No events yet. Send a message.").or(events.getByText("RUN_FINISHED")).first().waitFor();
  expect(await events.getByText("TOOL_CALL_START").count()).toBe(0);
  await hood.getByText("No run yet").waitFor({ state: "attached" });
});

test("a screen reader gets sentences, not tokens", async () => {
  const stepped = new SteppedModel();
  const { page, ask, answered, said } = await open({ chat: { graph: chatGraph(stepped) } });
  await said.evaluate((region) => {
    const sent: string[] = [];
    Reflect.set(window, "sent", sent);
    new MutationObserver((changes) => {
      for (const { addedNodes } of changes) for (const node of addedNodes) sent.push(node.textContent ?? "");
    }).observe(region, { childList: true, subtree: true, characterData: true });
  });
  await ask("Hello?");
  for (const token of "The lock fills. The boat rises! Then the gate **opens**.".match(/.{1,3}/g) ?? [])
    stepped.say(token);
  stepped.end();
  await answered("The lock fills. The boat rises! Then the gate opens.");
  await said.getByText("Done.", { exact: true }).waitFor({ state: "attached" });
  const sent: string[] = await page.evaluate(() => Reflect.get(window, "sent"));
  expect(sent.join(" ")).toBe("The lock fills. The boat rises! Then the gate opens. Done.");
  for (const text of sent) expect(text).toMatch(/[.!]$/);
});

test.each<[string, BrowserContextOptions]>([
  ["light", { colorScheme: "light" }],
  ["dark", { colorScheme: "dark" }],
  ["a phone", PHONE],
])("axe finds nothing: %s", async (_, options) => {
  const page = await open(agents(), options);
  await expectAccessible(page.page);
  await page.ask("Please think: what is 12 * 7?");
  await page.answered(/12 \* 7 = 84/);
  await page.tool("calculator").click();
  await page.conversation.getByText(/^Thought for /).click();
  await expectAccessible(page.page);

  await page.openHood();
  await page.hood.getByRole("searchbox", { name: "Search events" }).fill("TOOL_CALL_START");
  await page.events.getByText("TOOL_CALL_START").click();
  await page.hood.getByText(/^The allow-list refused/).click();
  await expectAccessible(page.page);
  await page.hood.getByRole("button", { name: "Close", exact: true }).click();

  await page.page.getByRole("combobox", { name: "Agent" }).selectOption("approvals");
  await page.ask("Write two notes: buy milk; call Ann");
  await page.button("Edit").first().click();
  await page.conversation.getByLabel(/^Text/).waitFor();
  await expectAccessible(page.page);
});
