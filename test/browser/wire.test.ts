import { describe, expect, test } from "vitest";
import { assistant } from "../../src/agents/assistant.ts";
import { DemoChatModel } from "../../src/agents/models/demo.ts";
import { memory } from "../support/sluice.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { type Playground, playgroundForFile, shows } from "./playground.ts";

const { open, serve, visit } = playgroundForFile();

const TRANSPORTS = ["WebSocket frames", "WebSocket bare", "SSE"];

/** Cuts the wire in the middle of an answer, which continues. */
async function cutInMidAnswer(page: Playground, model: SteppedModel): Promise<void> {
  await page.ask("A story?");
  model.say("Once ", "upon ", "a ");
  await page.answering("Once upon a");
  // The wire is cut only for a short time. On a busy machine, another look at the page would take longer.
  await page.hood.getByRole("button", { name: "Cut the wire" }).click();
  model.say("time ", "there ", "was ");
  await page.hood.getByText(/^Back in /).waitFor();
  await page.answering("Once upon a time there was");
  model.say("a ", "lock.").end();
  await page.answered("Once upon a time there was a lock.");
}

test.each(TRANSPORTS)("a whole chat over %s", async (transport) => {
  const model = new DemoChatModel({ firstTokenMs: 0, tokensPerSecond: 0 });
  const page = await open({ assistant: { graph: assistant({ model, checkpointer: memory() }) } });
  await page.chooseTransport(transport);
  await page.ask("Please think: what is 12 * 7?");
  await page.answered(/12 \* 7 = 84/);
  await page.conversation.getByText(/^Thought/).waitFor();
  await page.tool("calculator").waitFor();
  await page.ask("What is 6 * 7?");
  await page.answered(/6 \* 7 = 42/);
  expect(await page.answers.count()).toBe(2);
  expect(await page.asked.count()).toBe(2);
});

describe("a wire that is cut in mid-answer", () => {
  test.each(["WebSocket frames", "SSE"])("over %s: the page says how it went on", async (transport) => {
    const model = new SteppedModel();
    const page = await open({ chat: { graph: chatGraph(model) } });
    await page.chooseTransport(transport);
    await cutInMidAnswer(page, model);

    const received = page.hood.getByText(
      /^Back in .*, from cursor \S+:\d+: \d+ entr(y|ies) replayed, 0 lost, 0 doubled\.$/,
    );
    await received.waitFor();
    const replayed = Number(/(\d+) entr/.exec(await received.innerText())?.[1]);
    expect(replayed).toBeGreaterThan(0); // "time there was", as one entry or as several
    // A slow run also reports its progress.
    const reports = await page.events.locator("tr.replayed").filter({ hasText: "CUSTOM" }).count();
    expect(replayed - reports).toBeLessThanOrEqual(3);
    await page.hood.getByText("The run is whole: its 34 characters are those that the server keeps.").waitFor();
    await page.events.getByText("↻").first().waitFor();
  });

  test("over a bare WebSocket the run is sent again, and shown once", async () => {
    const model = new SteppedModel();
    const page = await open({ chat: { graph: chatGraph(model) } });
    await page.chooseTransport("WebSocket bare");
    await cutInMidAnswer(page, model);

    await page.hood.getByText(/the run was sent again from its beginning, in \d+ events?\.$/).waitFor();
    await page.hood.getByText("The run is whole: its 34 characters are those that the server keeps.").waitFor();
    expect(await page.answers.count()).toBe(1);
    expect(await page.asked.count()).toBe(1);
  });

  test("a run that ends while the wire is down is complete afterwards", async () => {
    const model = new SteppedModel();
    const page = await open({ chat: { graph: chatGraph(model) } });
    await page.openHood();
    await page.ask("A story?");
    model.say("Once ");
    await page.answering("Once");
    await page.cutTheWire();
    model.say("and ", "no ", "more.").end();
    await page.answered("Once and no more.");
    await page.hood.getByText(/0 lost, 0 doubled/).waitFor();
  });

  test.each(["WebSocket frames", "SSE"])(
    "over %s: the page says what the server no longer keeps",
    async (transport) => {
      const model = new SteppedModel();
      const page = await visit((await serve({ chat: { graph: chatGraph(model) } }, { LOG_MAX_EVENTS: "6" })).url);
      await page.chooseTransport(transport);
      await page.ask("A story?");
      model.say("Once ");
      await page.answering("Once");
      page.allow(/ERR_INCOMPLETE_CHUNKED_ENCODING/); // With such a small limit, the server cuts a slow reader.
      await page.hood.getByRole("button", { name: "Cut the wire" }).click();
      const words = Array.from({ length: 30 }, (_, index) => `w${index} `);
      for (const word of words) {
        model.say(word);
        await page.page.evaluate("0"); // Each word becomes a separate entry.
      }
      await page.answering("w29");
      await page.page.getByText(/^Some events were missed and are no longer kept\./).waitFor();
      await page.button("Good").click();
      await page.page.getByText(/^Some events were missed/).waitFor({ state: "detached" });
      model.end();
      await page.answered(`Once ${words.join("").trim()}`);
    },
  );

  test("a message that is sent while the wire is down is answered once", async () => {
    const model = new SteppedModel();
    const page = await open({ chat: { graph: chatGraph(model) } });
    await page.openHood();
    model.say("Still here.").end();
    await page.cutTheWire();
    await page.ask("Are you there?");
    await page.answered("Still here.");
    expect(model.prompts).toEqual([["Are you there?"]]);
    expect(await page.asked.count()).toBe(1);
  });
});

describe.each(TRANSPORTS)("switches over %s", (transport) => {
  test("without tokens a message comes whole; without reasoning no thought is sent", async () => {
    const model = new SteppedModel();
    const page = await open({ chat: { graph: chatGraph(model) } });
    await page.chooseTransport(transport);
    await page.hood.getByRole("checkbox", { name: "Tokens" }).uncheck();
    await page.hood.getByRole("checkbox", { name: "Reasoning" }).uncheck();
    await page.page.locator(".line.open").waitFor();
    model.think("Let ", "me ", "see. ").say("A ", "b ", "c ", "d").end();
    await page.ask("Letters?");
    await page.answered("A b c d");

    await shows(page.hood.locator(".figures div", { hasText: "Deltas" }).locator("dd"), "1");
    expect(await page.conversation.getByText(/Thought/).count()).toBe(0);
    expect(await page.events.getByText("REASONING_").count()).toBe(0);
  });
});
