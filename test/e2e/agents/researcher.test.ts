/** The researcher as a client sees it: passages looked up, thoughts, an answer with citations, nothing else. */
import { randomUUID } from "node:crypto";
import { LLMock } from "@copilotkit/aimock";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Source } from "../../../src/agents/researcher.ts";
import { type AguiEvent, EventType } from "../../../src/protocol/events.ts";
import { DEFAULT_ALLOWED_EVENTS } from "../../../src/protocol/graph-event.ts";
import type { TestSluice } from "../../support/sluice.ts";
import { postRun, textOf, userInput } from "../../support/sse-client.ts";
import { ofType, stored, turn } from "../translation/turns.ts";
import { custom, DEMO, entryOf, lastState, modelsAt, reasoningOf, serveResearcher } from "./shipped.ts";

const ask = (sluice: TestSluice, question: string, threadId: string = randomUUID()) =>
  turn(sluice.url, "researcher", userInput(question, { threadId }));

const stepsOf = (events: readonly AguiEvent[]) =>
  ofType(events, EventType.STEP_STARTED).map(({ stepName }) => stepName);

describe("the researcher with the demo model", () => {
  let sluice: TestSluice;
  beforeAll(async () => {
    sluice = await serveResearcher(DEMO);
  });
  afterAll(() => sluice.close());

  it("looks passages up, thinks, and answers with citations", async () => {
    const threadId = randomUUID();
    const events = await ask(sluice, "Why are there two tides a day?", threadId);
    expect(stepsOf(events)).toEqual(["retrieve", "answer"]);

    const sources: Source[] = [{ id: 1, file: "tides.md", heading: "Tides > Why there are two a day" }];
    expect(custom(events, "sources")).toEqual([sources]);
    expect(lastState(events)).toEqual({ sources });

    expect(reasoningOf(events)).toContain("[1] “Tides > Why there are two a day”");
    const text = textOf(events);
    expect(text).toMatch(/^The sea bulges on both sides of the Earth\. .* two high tides\. \[1\]\n/);
    expect(text).toContain("\n[1] tides.md, Tides > Why there are two a day");
    expect(text).not.toMatch(/<\/?think>/);
    expect(ofType(events, EventType.TEXT_MESSAGE_CONTENT).length).toBeGreaterThan(20);

    expect((await stored(sluice.url, threadId)).map(({ role, content }) => ({ role, content }))).toEqual([
      { role: "user", content: "Why are there two tides a day?" },
      { role: "reasoning", content: reasoningOf(events) },
      { role: "assistant", content: text },
    ]);
  });

  it("understands a question by the one before it", async () => {
    const threadId = randomUUID();
    await ask(sluice, "How does land below the sea stay dry?", threadId);
    const events = await ask(sluice, "Why does it sink?", threadId);
    expect(textOf(events)).toMatch(/^Peat that is drained dries/);
    // A question that does not refer to the earlier one is answered alone.
    const other = await ask(sluice, "Why do rivers meander?", threadId);
    expect(custom<Source[]>(other, "sources")[0]?.[0]).toMatchObject({ file: "rivers.md" });
    expect(textOf(other)).not.toContain("Peat");
  });

  it("says when it found nothing, and what there is", async () => {
    const events = await ask(sluice, "Who won the football world cup in 1990?");
    expect(custom(events, "sources")).toEqual([[]]);
    expect(textOf(events)).toMatch(/^I found nothing about that in the knowledge base/);
    expect(textOf(events)).toContain("Tides, Water clocks, Weirs");
    expect(reasoningOf(events)).toContain("I do not know");
  });

  // Not tested with AG-UI's client, which copies the question for each event and is slow itself.
  it.each([
    ["a book", "And what is it about this? ".repeat(10_000)],
    ["a book without spaces", "是".repeat(100_000)],
  ])("is not held up by a question after %s", async (_, book) => {
    const input = userInput(`${book} Why do rivers meander?`);
    const events = await (await postRun(sluice.url, input, "/agui/agent/researcher/run")).done;
    expect(textOf(events)).toContain("No river stays straight on flat land.");
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED });
  });

  it.each(entryOf("researcher").prompts)("finds an answer to what it suggests itself: %s", async (prompt) => {
    const events = await ask(sluice, prompt);
    expect(custom<Source[]>(events, "sources")[0]?.length).toBeGreaterThan(0);
    expect(textOf(events)).toMatch(/\[1\]/);
  });
});

describe("what the researcher read", () => {
  // A sentence that the demo model does not quote: it is in the second passage only.
  const documents = [
    { source: "a.md", text: "# Gate\n\nThe gate is blue." },
    { source: "b.md", text: "# Notes\n\nA gate. The keeper's password is swordfish." },
  ];
  let sluice: TestSluice;
  afterEach(() => sluice.close());

  it("does not leave by default, but for what the answer quotes", async () => {
    sluice = await serveResearcher(DEMO, {}, documents);
    const events = await ask(sluice, "gate");
    expect(custom<Source[]>(events, "sources")[0]?.map(({ file }) => file)).toEqual(["a.md", "b.md"]);
    expect(textOf(events)).toContain("The gate is blue. [1]");
    expect(JSON.stringify(events)).not.toContain("swordfish");
    expect(JSON.stringify(events)).not.toContain("on_retriever");
    expect(JSON.stringify(events)).not.toMatch(/<passage|from nowhere else/);
  });

  it("may have any heading", async () => {
    sluice = await serveResearcher(DEMO, {}, [{ source: "a.md", text: '# The "great" gate\n\nIt is blue.' }]);
    expect(textOf(await ask(sluice, "gate"))).toContain('It is blue. [1]\n\n[1] a.md, The "great" gate');
  });

  it("leaves as the retriever's events where they are allowed", async () => {
    const allowed = [...DEFAULT_ALLOWED_EVENTS, "on_retriever_*"].join(",");
    sluice = await serveResearcher(DEMO, { STREAM_ALLOWED_EVENTS: allowed }, documents);
    const events = await ask(sluice, "gate");
    expect(custom(events, "on_retriever_start")).toMatchObject([
      { name: "KnowledgeRetriever", data: { input: { query: "gate" } } },
    ]);
    expect(JSON.stringify(custom(events, "on_retriever_end"))).toContain("swordfish");
  });
});

describe("the researcher with a model over HTTP", () => {
  const model = new LLMock({ port: 0, chunkSize: 5 });
  let sluice: TestSluice;
  beforeAll(async () => {
    await model.start();
    sluice = await serveResearcher(modelsAt(`${model.url}/v1`));
  });
  afterEach(() => {
    model.clearFixtures();
    model.clearRequests();
  });
  afterAll(async () => {
    await sluice.close();
    await model.stop();
  });

  it("gives it the passages and orders it to think, in the prompt and again at the end", async () => {
    model.onMessage(/two tides/, { content: "<think>\nPassage one.\n</think>\n\nThe sea bulges twice [1]." });
    const events = await ask(sluice, "Why are there two tides a day?");
    expect(reasoningOf(events)).toBe("Passage one.");
    expect(textOf(events)).toBe("The sea bulges twice [1].");

    const messages = model.getRequests()[0]?.body?.messages as { role: string; content: string }[];
    expect(messages.map(({ role }) => role)).toEqual(["system", "user"]);
    const [system = "", user = ""] = messages.map(({ content }) => content);
    const order = /First think between <think> and <\/think>.*after <\/think>\.$/s;
    expect(system).toMatch(order);
    expect(user).toMatch(order);
    expect(user).toMatch(/^Why are there two tides a day\?\n\n<passages>\n<passage id="1" file="tides\.md"/);
    expect(user).toContain("what is left behind is a second bulge");
  });

  it("says when there is nothing to answer from", async () => {
    model.onMessage(/football/, { content: "<think>Nothing.</think>I do not know that." });
    expect(textOf(await ask(sluice, "Who won the football world cup?"))).toBe("I do not know that.");
    const messages = model.getRequests()[0]?.body?.messages as { content: string }[];
    expect(messages.at(-1)?.content).toContain(
      "Nothing in the knowledge base matches. Say so, and answer nothing from memory.",
    );
  });

  it("sends what was said before, and the passages only with the last question", async () => {
    const threadId = randomUUID();
    model.onMessage(/meander/, { content: "<think>Loops.</think>They eat into their banks [1]." });
    model.onMessage(/delta/, { content: "<think>Mud.</think>They drop their mud [1]." });
    await ask(sluice, "Why do rivers meander?", threadId);
    await ask(sluice, "How is a delta made?", threadId);
    const messages = model.getRequests()[1]?.body?.messages as { role: string; content: string }[];
    expect(messages.map(({ role }) => role)).toEqual(["system", "user", "assistant", "user"]);
    expect(messages[1]?.content).toBe("Why do rivers meander?");
    expect(messages[3]?.content).toContain('heading="Rivers > How a delta is made"');
  });
});
