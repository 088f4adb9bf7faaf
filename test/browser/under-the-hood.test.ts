import { readFileSync } from "node:fs";
import { expect, test } from "vitest";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { type Playground, playgroundForFile, shows } from "./playground.ts";

const { open } = playgroundForFile();

/** Opens a page and the panel, after one run of three tokens. */
async function afterOneRun(options?: Parameters<typeof open>[1]): Promise<Playground & { model: SteppedModel }> {
  const model = new SteppedModel();
  const page = await open({ chat: { graph: chatGraph(model) } }, options);
  await page.openHood();
  await page.ask("Count.");
  for (const token of ["One ", "two "]) {
    model.say(token);
    await page.answering(token.trim());
  }
  model.say("three.").end();
  await page.answered("One two three.");
  return { ...page, model };
}

/** Returns the types of the listed events. */
async function types({ events }: Playground): Promise<string[]> {
  const cells = await events.locator("tbody tr[id] td:nth-child(2)").allInnerTexts();
  return cells.map((text) => /[A-Z_]{3,}/.exec(text)?.[0] ?? text);
}

test("every event is listed with its time, cursor and size", async () => {
  const page = await afterOneRun();
  const listed = await types(page);
  expect(listed).toContain("RUN_STARTED");
  expect(listed).toContain("TEXT_MESSAGE_CONTENT");
  expect(listed.at(-1)).toBe("RUN_FINISHED");
  const last = page.events.getByRole("row", { name: /RUN_FINISHED/ }).last();
  await shows(last.locator("td").first(), /^\+[\d.]+ (ms|s)$/);
  await shows(last.locator("td").nth(2), /^:\d+$/);
  await shows(last.locator("td").nth(3), /^[\d.]+ k?B$/);
});

test("the list narrows to a kind and to what is searched for", async () => {
  const page = await afterOneRun();
  const { hood, events } = page;
  await hood.getByRole("button", { name: "Run", exact: true }).click();
  await events.getByText("TEXT_MESSAGE_START").waitFor({ state: "detached" });
  expect(new Set(await types(page))).toEqual(new Set(["RUN_STARTED", "RUN_FINISHED"]));
  await hood.getByRole("button", { name: "Run", exact: true }).click();
  await events.getByText("TEXT_MESSAGE_START").waitFor();

  await hood.getByRole("searchbox", { name: "Search events" }).fill('"delta":"two');
  await events.getByText("TEXT_MESSAGE_START").waitFor({ state: "detached" });
  expect(await types(page)).toEqual(["TEXT_MESSAGE_CONTENT"]);
  await hood.getByText(/^1 of \d+ events/).waitFor();
});

test("paused, it lists nothing new, and counts it", async () => {
  const page = await afterOneRun();
  const { hood, model, ask, answered, button } = page;
  const before = await types(page);
  await button("Pause").click();
  model.say("Four.").end();
  await ask("More.");
  await answered("Four.");
  await hood.getByText(/paused: \d+ new/).waitFor();
  expect(await types(page)).toEqual(before);
  await button("Resume").click();
  await page.events.getByText("Four.").waitFor();
});

test("an event can be looked at, by mouse and by keyboard, and copied", async () => {
  const { hood, events, page, button } = await afterOneRun({ permissions: ["clipboard-read", "clipboard-write"] });
  await events.getByText("TEXT_MESSAGE_START").click();
  const details = hood.getByRole("region", { name: "Event details" });
  await details.getByRole("heading", { name: "TEXT_MESSAGE_START" }).waitFor();
  await events.focus();
  await page.keyboard.press("ArrowDown");
  await details.getByRole("heading", { name: "TEXT_MESSAGE_CONTENT" }).waitFor();
  await details.getByText('"delta": "One').waitFor();
  await button("Copy JSON").click();
  await hood.getByText("The event was copied.").waitFor();
  const copied = JSON.parse(await page.evaluate(() => navigator.clipboard.readText()));
  expect(copied).toMatchObject({ type: "TEXT_MESSAGE_CONTENT" });
});

test("closed by Escape and opened again, it still has what it had, and goes on", async () => {
  const { hood, events, model, page, openHood, ask, answered } = await afterOneRun();
  await events.focus();
  await page.keyboard.press("Escape");
  await hood.waitFor({ state: "detached" });
  await openHood();
  await events.getByText("RUN_FINISHED").last().waitFor();
  model.say("Four.").end();
  await ask("More.");
  await answered("Four.");
  await events.getByText("Four.").waitFor();
});

test("what the allow-list refused is counted by name", async () => {
  const { hood, page } = await afterOneRun();
  const { origin, hash } = new URL(page.url());
  const thread = await fetch(`${origin}/threads/${new URLSearchParams(hash.slice(1)).get("thread")}`);
  const { refused } = (await thread.json()) as { refused: Record<string, number> };
  const lines = Object.entries(refused).map(([name, times]) => `${name} ${times}`);
  expect(lines).not.toEqual([]);
  const sum = Object.values(refused).reduce((total, times) => total + times, 0);
  await hood.getByText(new RegExp(`^The allow-list refused ${sum} events?$`)).click();
  expect((await hood.locator(".refused li").allInnerTexts()).sort()).toEqual(lines.sort());
});

test("how evenly tokens came is shown in figures and in words", async () => {
  const { hood } = await afterOneRun();
  await hood
    .getByText(/^The first token came after .* gaps? between tokens: half of them within/)
    .waitFor({ state: "attached" });
  await hood.locator("canvas").waitFor();
  await hood.locator(".figures").getByText("Gap p95").waitFor();
});

test("the last message can be copied as curl, wscat and HttpAgent", async () => {
  const { hood, page, button } = await afterOneRun({ permissions: ["clipboard-read", "clipboard-write"] });
  const origin = new URL(page.url()).origin;
  const copied = async (name: string) => {
    await button(`Copy as ${name}`).click();
    await hood.getByText(`Copied as ${name}.`).waitFor();
    return page.evaluate(() => navigator.clipboard.readText());
  };
  const curl = await copied("curl");
  expect(curl).toContain(`curl -N '${origin}/agui/agent/chat/run'`);
  expect(curl).toContain('"content":"Count."');
  expect(await copied("wscat")).toContain(`${origin.replace("http", "ws")}/ws?agent=chat`);
  expect(await copied("HttpAgent")).toContain(`new HttpAgent({ url: "${origin}/agui/agent/chat/run"`);
});

test("a run is saved as one event a line", async () => {
  const { page, button } = await afterOneRun();
  const download = page.waitForEvent("download");
  await button("Save as JSONL").click();
  const saved = await download;
  expect(saved.suggestedFilename()).toMatch(/^run-\w{8}\.jsonl$/);
  const lines = readFileSync(await saved.path(), "utf8")
    .trimEnd()
    .split("\n");
  const events = lines.map((line) => JSON.parse(line));
  expect(events[0].event.type).toBe("RUN_STARTED");
  expect(events.at(-1).event.type).toBe("RUN_FINISHED");
  expect(events.map(({ event }) => event.delta ?? "").join("")).toBe("One two three.");
  for (const line of events) expect(line).toMatchObject({ at: expect.any(Number), replayed: false });
});

test("for who wants no motion, too, the list shows its end and the plot its colours", async () => {
  const { hood, events } = await afterOneRun({ reducedMotion: "reduce", viewport: { width: 1_280, height: 600 } });
  const last = events.getByRole("row", { name: /RUN_FINISHED/ }).last();
  const [list, row] = await Promise.all([hood.locator(".events").boundingBox(), last.boundingBox()]);
  expect((row?.y ?? 0) + (row?.height ?? 0)).toBeLessThanOrEqual((list?.y ?? 0) + (list?.height ?? 0) + 1);
  const colourful = await hood.locator("canvas").evaluate((canvas: HTMLCanvasElement) => {
    const { data = [] } = canvas.getContext("2d")?.getImageData(0, 0, canvas.width, canvas.height) ?? {};
    return [...data].some((green, at) => at % 4 === 1 && data[at + 2] === 255 && green - (data[at - 1] ?? 0) > 60);
  });
  expect(colourful).toBe(true);
});
