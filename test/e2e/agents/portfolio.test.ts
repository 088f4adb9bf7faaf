/** The portfolio workflow as a client sees it: results as state and events, parallel steps, and one answer. */
import { randomUUID } from "node:crypto";
import { LLMock } from "@copilotkit/aimock";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { PerformanceFigures, RiskFigures } from "../../../src/agents/portfolio/analysis.ts";
import type { Concerns, Portfolio } from "../../../src/agents/portfolio/forms.ts";
import { type AguiEvent, EventType, type RunAgentInput } from "../../../src/protocol/events.ts";
import { rawModel } from "../../support/raw-model.ts";
import type { TestSluice } from "../../support/sluice.ts";
import { postRun, textOf, userInput } from "../../support/sse-client.ts";
import { verifyRun } from "../../support/verify.ts";
import { ofType, said, stored, turn } from "../translation/turns.ts";
import { custom, DEMO, entryOf, lastState, modelsAt, servePortfolio } from "./shipped.ts";

const PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";
const SILENT = ["convert_portfolio", "analyze_performance", "analyze_risk", "generate_recommendations"];

interface Progress {
  readonly step: number;
  readonly of: number;
  readonly name: string;
  readonly status: "started" | "done";
}

interface State {
  readonly portfolio: Portfolio;
  readonly risk: RiskFigures & Concerns;
  readonly performance: PerformanceFigures;
  readonly recommendations: readonly { readonly action: string; readonly about: string; readonly why: string }[];
}

const ask = (sluice: TestSluice, content: string, input: Partial<RunAgentInput> = {}) =>
  turn(sluice.url, "portfolio", userInput(content, input));

const stateOf = (events: readonly AguiEvent[]) => lastState(events) as unknown as State;

/** "+ a" where a step begins, "- a" where it ends. */
const stepsOf = (events: readonly AguiEvent[]) =>
  events.flatMap((event) => {
    if (event.type === EventType.STEP_STARTED) return [`+ ${event.stepName}`];
    return event.type === EventType.STEP_FINISHED ? [`- ${event.stepName}`] : [];
  });

describe("the portfolio agent with the demo model", () => {
  let sluice: TestSluice;
  beforeAll(async () => {
    sluice = await servePortfolio(DEMO);
  });
  afterAll(() => sluice.close());

  it("publishes what four nodes found, and streams the words of the last alone", async () => {
    const threadId = randomUUID();
    const events = await ask(sluice, "AAPL 10 @ 180, now 210; 5000 USD cash; 30% bonds", { threadId });
    const state = stateOf(events);
    expect(Object.keys(state).sort()).toEqual(["performance", "portfolio", "recommendations", "risk"]);
    expect(state.portfolio).toMatchObject({
      origin: "text",
      holdings: [
        { name: "AAPL", kind: "stock", quantity: 10, cost: 180, price: 210 },
        { name: "cash", kind: "cash", value: 5000, currency: "USD" },
        { name: "bonds", kind: "bond", percent: 30 },
      ],
    });
    // 2,100 and 5,000 are the 70% that the bonds leave.
    expect(state.risk).toMatchObject({ total: 10142.86, currency: "USD", level: "low" });
    expect(state.risk.weights.map(({ name, weight }) => [name, weight])).toEqual([
      ["cash", 0.493],
      ["bonds", 0.3],
      ["AAPL", 0.207],
    ]);
    expect(state.risk.concentration).toBeCloseTo(0.493 ** 2 + 0.3 ** 2 + 0.207 ** 2, 3);
    expect(state.performance).toMatchObject({
      total: { invested: 1800, value: 2100, gain: 300, gainPercent: 16.7 },
      unknown: ["bonds"],
    });

    expect(custom(events, "portfolio.holdings")).toEqual([state.portfolio.holdings]);
    expect(custom(events, "portfolio.risk")).toEqual([state.risk]);
    expect(custom(events, "portfolio.performance")).toEqual([state.performance]);
    expect(custom(events, "portfolio.recommendations")).toEqual([state.recommendations]);
    expect(ofType(events, EventType.STATE_DELTA).length).toBeGreaterThan(0);

    // One message, of many tokens, with the figures of the state in it.
    const [text = "", ...others] = said(events);
    expect(others).toEqual([]);
    expect(ofType(events, EventType.TEXT_MESSAGE_CONTENT).length).toBeGreaterThan(20);
    for (const figure of ["10,143 USD", "49.3%", "1,800 USD", "2,100 USD", "16.7%"]) expect(text).toContain(figure);
    expect(state.recommendations.length).toBeGreaterThan(0);
    for (const { why } of [...state.risk.concerns, ...state.recommendations]) expect(text).toContain(why);
    expect(text).toMatch(/^Good day\..*\*This is no financial advice\.\*/s);
    expect(ofType(events, EventType.TOOL_CALL_START)).toEqual([]);
    expect((await stored(sluice.url, threadId)).map(({ role }) => role)).toEqual(["user", "assistant"]);
  });

  it("reports its steps, two of them side by side, and counts them up to five", async () => {
    const events = await ask(sluice, "AAPL 10 @ 180");
    const steps = stepsOf(events);
    const [begin, risk, performance, end] = [
      steps.indexOf("- convert_portfolio"),
      steps.indexOf("+ analyze_risk"),
      steps.indexOf("+ analyze_performance"),
      Math.min(steps.indexOf("- analyze_risk"), steps.indexOf("- analyze_performance")),
    ] as [number, number, number, number];
    expect(begin).toBeLessThan(Math.min(risk, performance));
    expect(Math.max(risk, performance)).toBeLessThan(end);
    expect(steps.slice(-4)).toEqual([
      "+ generate_recommendations",
      "- generate_recommendations",
      "+ character_advisor",
      "- character_advisor",
    ]);

    const sent = custom<Progress>(events, "progress");
    const numbers = (status: string) => sent.filter((each) => each.status === status).map(({ step }) => step);
    expect(numbers("started")).toEqual([1, 2, 3, 4, 5]);
    expect(numbers("done").sort()).toEqual([1, 2, 3, 4, 5]);
    expect(new Set(sent.map(({ of }) => of))).toEqual(new Set([5]));
    expect(sent[0]).toMatchObject({ name: "convert_portfolio", label: "Reading the portfolio", status: "started" });
  });

  it("says nothing of its prompts", async () => {
    const events = await ask(sluice, "AAPL 10 @ 180");
    expect(JSON.stringify(events)).not.toMatch(
      /You judge a portfolio|Speak as the|<figures>|<analysis>|Write in the language/,
    );
  });

  it("keeps the portfolio and the voice for the next question", async () => {
    const threadId = randomUUID();
    const first = await ask(sluice, "AAPL 10 @ 180. Like my grandmother, please.", { threadId });
    const second = await ask(sluice, "And how risky is it?", { threadId });
    expect(stateOf(second).portfolio).toEqual(stateOf(first).portfolio);
    expect(textOf(second)).toMatch(/^Sit down, my dear/);
  });

  it("takes a portfolio that the client changed, and refuses one that is none", async () => {
    const threadId = randomUUID();
    const { portfolio } = stateOf(await ask(sluice, "AAPL 10 @ 180", { threadId }));
    const [apple] = portfolio.holdings;
    const changed = { ...portfolio, holdings: [{ ...apple, quantity: 20 }] };
    const again = await ask(sluice, "And now?", { threadId, state: { portfolio: changed } });
    expect(stateOf(again).risk.total).toBe(3600);
    const failed = await ask(sluice, "And now?", { threadId, state: { portfolio: { holdings: "all" } } });
    expect(failed.at(-1)).toMatchObject({ type: EventType.RUN_ERROR, code: "graph_error" });
    expect(JSON.stringify(failed.at(-1))).toContain("The state's portfolio is not valid");
  });

  it("asks for a portfolio when there is none, and goes no detour", async () => {
    const events = await ask(sluice, "hello");
    expect(stepsOf(events).filter((step) => step.startsWith("+"))).toEqual([
      "+ convert_portfolio",
      "+ character_advisor",
    ]);
    expect(textOf(events)).toContain("I found no holdings in your message");
  });

  it.each(entryOf("portfolio").prompts)("reads what it suggests itself: %s", async (prompt) => {
    const { portfolio } = stateOf(await ask(sluice, prompt));
    expect(portfolio.holdings.length).toBeGreaterThan(1);
  });
});

describe("the portfolio agent with models over HTTP", () => {
  const model = new LLMock({ port: 0, chunkSize: 4 });
  let sluice: TestSluice;
  const start = async (entry: Parameters<typeof servePortfolio>[1] = {}) => {
    sluice = await servePortfolio(modelsAt(`${model.url}/v1`), entry);
  };
  beforeAll(() => model.start());
  afterEach(async () => {
    model.clearFixtures();
    model.clearRequests();
    await sluice.close();
  });
  afterAll(() => model.stop());

  const bare = { quantity: null, cost: null, price: null, value: null, percent: null, currency: null };
  const apple = { ...bare, name: "Apple", kind: "stock", quantity: 10, cost: 100, price: 150, currency: "USD" };
  const FORMS = {
    portfolio: { holdings: [apple], origin: "text", character: "captain" },
    concerns: { concerns: [{ kind: "single_holding", about: "Apple", why: "SECRET-CONCERN" }] },
    remarks: { remarks: [{ effect: "helps", about: "Apple", why: "It rose." }] },
    recommendations: { recommendations: [{ action: "diversify", about: "Apple", why: "Spread it." }] },
  };

  /** The question in that form; without a name, in words. */
  function form(request: { response_format?: unknown }): string | undefined {
    return (request.response_format as { json_schema?: { name?: string } } | undefined)?.json_schema?.name;
  }

  function answerWith(forms: Record<string, object>, answer: string): void {
    for (const [name, filled] of Object.entries(forms)) {
      model.on({ predicate: (request) => form(request) === name }, { content: JSON.stringify(filled) });
    }
    // In pieces that arrive separately, because neighbours that arrive together are merged.
    const apart = { latency: 3, chunkSize: 16 };
    model.on({ predicate: (request) => form(request) === undefined }, { content: answer }, apart);
  }

  const bodies = () => model.getRequests().map(({ body }) => body as unknown as Body);
  interface Body {
    readonly model: string;
    readonly messages: readonly { readonly role: string; readonly content: unknown }[];
    readonly response_format?: unknown;
  }

  it("has a model read what is no list, fill in the forms, and answer in the reader's language", async () => {
    await start();
    answerWith(FORMS, "啊嗬！船很稳👍。".repeat(3));
    const events = await ask(sluice, "苹果 10 股，船长");
    expect(said(events)).toEqual(["啊嗬！船很稳👍。".repeat(3)]);
    expect(ofType(events, EventType.TEXT_MESSAGE_CONTENT).length).toBeGreaterThan(1);
    const state = stateOf(events);
    expect(state.portfolio.holdings).toEqual([apple]);
    expect(state.risk).toMatchObject({ total: 1500, concentration: 1, level: "high", ...FORMS.concerns });
    expect(state.performance).toMatchObject({ total: { gain: 500, gainPercent: 50 }, ...FORMS.remarks });
    expect(state.recommendations).toEqual(FORMS.recommendations.recommendations);

    const advised = bodies().find((body) => form(body) === undefined);
    const [system, last] = [advised?.messages[0], advised?.messages.at(-1)];
    expect(system?.content).toMatch(/^Speak as the captain: an old sea captain/);
    expect(last?.content).toMatch(
      /^苹果 10 股，船长\n\n<analysis>\n.*"gainPercent":50.*\n<\/analysis>\n\nWrite in the language in which the person asked\.$/s,
    );
  });

  it("asks no model about lines and tables that plain code reads whole", async () => {
    await start();
    answerWith(FORMS, "Ahoy.");
    const state = stateOf(await ask(sluice, "AAPL 10 @ 180, now 210; 5000 USD cash"));
    expect(state.portfolio.holdings.map(({ name }) => name)).toEqual(["AAPL", "cash"]);
    expect(bodies().map(form).sort()).toEqual(["concerns", "recommendations", "remarks", undefined]);
  });

  it("keeps what plain code read when the model finds nothing in the rest", async () => {
    await start();
    answerWith({ ...FORMS, portfolio: { holdings: [], origin: "text", character: "coach" } }, "Listen.");
    const state = stateOf(await ask(sluice, "AAPL 10 @ 180. Wie ein Trainer, bitte!"));
    expect(state.portfolio.holdings.map(({ name }) => name)).toEqual(["AAPL"]);
    expect(bodies().find((body) => form(body) === undefined)?.messages[0]?.content).toMatch(/^Speak as the coach/);
  });

  it.each([
    ["Chinese", "您的组合约值一万元，风险中等，现金偏少。"],
    ["Hindi", "आपका पोर्टफ़ोलियो जोखिम में मध्यम है।"],
    ["Arabic", "محفظتك متوسطة المخاطر، والنقد قليل."],
    ["emoji", "👩‍👩‍👧‍👦🏴󠁧󠁢󠁥󠁮󠁧󠁿👍🏽🇩🇪 é"],
  ])("streams an answer in %s, in whole characters", async (_, sentence) => {
    const answer = sentence.repeat(20);
    await start();
    answerWith(FORMS, answer);
    const events = await ask(sluice, "AAPL 10 @ 180");
    const deltas = ofType(events, EventType.TEXT_MESSAGE_CONTENT).map(({ delta }) => delta);
    expect(deltas.length).toBeGreaterThan(5);
    expect(deltas.join("")).toBe(answer);
    for (const delta of deltas) expect(Buffer.from(delta).toString()).toBe(delta);
  });

  it("gives each node the model that agents.json names for it", async () => {
    await start({
      nodes: {
        ...Object.fromEntries(SILENT.map((node) => [node, { messages: false, model: "small" }])),
        character_advisor: { model: "eloquent" },
      },
    });
    answerWith(FORMS, "Ahoy.");
    await ask(sluice, "Apple 10");
    const asked = bodies().map((body) => [form(body) ?? "words", body.model]);
    expect(Object.fromEntries(asked)).toEqual({
      portfolio: "small",
      concerns: "small",
      remarks: "small",
      recommendations: "small",
      words: "eloquent",
    });
  });

  it("shows the image to the model that reads the portfolio, and to no other", async () => {
    await start();
    answerWith({ ...FORMS, portfolio: { ...FORMS.portfolio, origin: "image" } }, "Ahoy.");
    const image = { type: "image" as const, source: { type: "data" as const, value: PIXEL, mimeType: "image/png" } };
    const events = await ask(sluice, "", {
      messages: [{ id: randomUUID(), role: "user", content: [{ type: "text", text: "This is mine" }, image] }],
    });
    expect(stateOf(events).portfolio.origin).toBe("image");
    const seen = bodies().filter((body) => JSON.stringify(body.messages).includes(PIXEL));
    expect(seen.map(form)).toEqual(["portfolio"]);
    expect(JSON.stringify(seen[0]?.messages)).toContain(`"image_url":{"url":"data:image/png;base64,${PIXEL}"`);
  });

  it("fails with a clear line when a model does not keep to the form, and repeats none of its words", async () => {
    await start();
    answerWith({ ...FORMS, concerns: { concerns: "SECRET-WORDS" } }, "Ahoy.");
    const events = await ask(sluice, "Apple 10");
    expect(events.at(-1)).toMatchObject({
      type: EventType.RUN_ERROR,
      message: expect.stringContaining('The model did not fill in the form "concerns" as it was asked to.'),
    });
    expect(JSON.stringify(events)).not.toContain("SECRET-WORDS");
  });

  it("speaks in the voice that agents.json chose, and refuses one that there is not", async () => {
    await start({ configurable: { character: "coach" } });
    answerWith({ ...FORMS, portfolio: { ...FORMS.portfolio, character: null } }, "Listen.");
    await ask(sluice, "Apple 10");
    expect(bodies().find((body) => form(body) === undefined)?.messages[0]?.content).toMatch(/^Speak as the coach/);
    await sluice.close();
    await start({ configurable: { character: "pirate" } });
    const events = await ask(sluice, "Apple 10");
    expect(JSON.stringify(events.at(-1))).toContain('There is no character \\"pirate\\". There are: banker');
  });
});

it("aborts the requests of both branches when its run is stopped", async () => {
  const model = await rawModel();
  const sluice = await servePortfolio(modelsAt(model.baseUrl));
  try {
    const input = userInput("ten of Apple, bought at 100");
    const run = await postRun(sluice.url, input, "/agui/agent/portfolio/run");
    const convert = await model.call();
    const nothing = { quantity: 10, cost: 100, price: null, value: null, percent: null, currency: null };
    const holdings = [{ name: "Apple", kind: "stock", ...nothing }];
    convert.say(JSON.stringify({ holdings, origin: "text", character: null }));
    convert.finish();
    const branches = [await model.call(), await model.call()];
    await fetch(`${sluice.url}/agui/agent/portfolio/stop/${input.threadId}`, { method: "POST" });
    expect(await Promise.all(branches.map(({ closed }) => closed))).toEqual(["hung up", "hung up"]);
    const events = await run.done;
    await verifyRun(events);
    expect(events.at(-1)).toMatchObject({ type: EventType.RUN_FINISHED, outcome: { type: "cancelled" } });
  } finally {
    await sluice.close();
    await model.close();
  }
});
