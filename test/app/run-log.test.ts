/** The process's own log has one line for each run, and no secret. */
import { afterAll, describe, expect, it } from "vitest";
import { reportRun } from "../../src/app/report-run.ts";
import { createSluice } from "../../src/app/sluice.ts";
import { linesFor } from "../../src/ops/lines.ts";
import { createLogger } from "../../src/ops/logger.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import { startHost } from "../support/host.ts";
import { startSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";

type Line = Readonly<Record<string, unknown>>;

/** Collects everything that a server logs, as JSON and as readable lines. */
function written() {
  const json: string[] = [];
  const lines: string[] = [];
  const people = linesFor({ write: (text) => lines.push(text) }, false);
  const write = (line: string) => {
    json.push(line);
    people.write(line);
  };
  return {
    logger: createLogger("trace", { write }),
    text: () => [...json, ...lines].join(""),
    entries: () => json.map((line) => JSON.parse(line) as Line),
    lines,
  };
}

describe("a run's line", () => {
  it("names it, says how it ended and how fast it was, and has nothing of what was said", async () => {
    const log = written();
    const usage_metadata = { input_tokens: 7, output_tokens: 3, total_tokens: 10 };
    const model = new SteppedModel().say("one", "two").chunk({ content: "three", usage_metadata }).end();
    const sluice = await startSluice({ it: { graph: chatGraph(model) } }, {}, { logger: log.logger });
    await (await postRun(sluice.url, userInput("a question", { threadId: "t", runId: "r" }))).done;
    await sluice.close();
    const entries = log.entries().filter(({ runId }) => runId === "r");
    expect(entries).toEqual([
      {
        level: 30,
        time: expect.any(Number),
        msg: "run ended",
        agent: "it",
        threadId: "t",
        runId: "r",
        outcome: "done",
        durationMs: expect.any(Number),
        firstTokenMs: expect.any(Number),
        deltas: 3,
        tokens: { input: 7, output: 3 },
        refused: expect.objectContaining({ on_chat_model_start: 1 }),
      },
    ]);
    expect(log.text()).not.toMatch(/a question|three/);
    expect(log.lines.join("")).toMatch(/ info {2}run ended agent=it threadId=t runId=r outcome=done /);
  });

  it("of one that failed says why", async () => {
    const log = written();
    const model = new SteppedModel().fail(new Error("no luck"));
    const sluice = await startSluice({ it: { graph: chatGraph(model) } }, {}, { logger: log.logger });
    await (await postRun(sluice.url, userInput("hi", { threadId: "t", runId: "r" }))).done;
    await sluice.close();
    const err = expect.objectContaining({ message: "no luck" });
    const entries = log.entries().filter(({ runId }) => runId === "r");
    expect(entries).toHaveLength(1);
    expect(entries[0]).toMatchObject({ level: 40, msg: "run failed", outcome: "failed", code: "model_error", err });
    expect(entries[0]).not.toHaveProperty("firstTokenMs");
  });

  it("names who started it, where somebody signed in", () => {
    const log = written();
    const figures = { firstTokenMs: 1.4, durationMs: 2.6, deltas: 0, tokens: undefined, refused: new Map() };
    const plan = { agent: { name: "it" }, threadId: "t", runId: "r", principal: "jwt:ann" };
    reportRun(log.logger, plan as Parameters<typeof reportRun>[1], figures as never, { kind: "cancelled" }, undefined);
    expect(log.entries()[0]).toMatchObject({
      principal: "jwt:ann",
      outcome: "cancelled",
      firstTokenMs: 1,
      durationMs: 3,
    });
  });
});

/** Secrets of different kinds. The last is short, and only its name shows that it is a secret. */
const SECRETS = {
  OPENAI_API_KEY: "sk-house-9f8e7d6c5b4a",
  DATABASE_URL: "postgres://app:dbpassword-4711@db/app",
  STRIPE_SECRET: 'with "quotes" and \\ in it',
  METRICS_TOKEN: "the-token-of-the-metrics",
};
const IN_CONFIG = "a key in agents.json 77";
const BEARER = "eyJhbGciOiJIUzI1NiJ9.e30.clients-own-token";
const COOKIE = "session=a-cookie-of-a-client";
const TO_FIND = [
  ...Object.values(SECRETS).slice(0, 1),
  "dbpassword-4711",
  SECRETS.STRIPE_SECRET,
  SECRETS.METRICS_TOKEN,
];

describe("a run full of secrets", () => {
  const before = Object.fromEntries(Object.keys(SECRETS).map((name) => [name, process.env[name]]));
  afterAll(() => {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  });

  /** An error with the fields that libraries add. */
  function failure(): Error {
    const all = [...TO_FIND, IN_CONFIG].join(" ; ");
    const headers = { authorization: `Bearer ${BEARER}`, cookie: COOKIE };
    const cause = new AggregateError([new Error(`tried ${all}`), { message: encodeURIComponent(all) }], "all failed");
    return Object.assign(new Error(`refused: Bearer ${BEARER} ${all}`, { cause }), {
      apiKey: SECRETS.OPENAI_API_KEY,
      headers,
      config: { headers },
      url: `https://host/v1?api_key=${SECRETS.OPENAI_API_KEY}`,
      base64: Buffer.from(`user:${SECRETS.STRIPE_SECRET}`).toString("base64"),
    });
  }

  it("writes none of them, however often they are thrown", async () => {
    Object.assign(process.env, SECRETS);
    const log = written();
    class FailingStore extends MemoryStore {
      override async threads(): Promise<never> {
        throw failure();
      }
    }
    const graph = chatGraph(new SteppedModel().fail(failure()).fail(failure()));
    const sluice = createSluice({
      agents: { failing: { graph, configurable: { apiKey: IN_CONFIG } } },
      logger: log.logger,
      store: new FailingStore(100, () => {}),
    });
    const host = await startHost((app) => app.use("/", sluice.router));
    const headers = { Authorization: `Bearer ${BEARER}`, Cookie: COOKIE, "Content-Type": "application/json" };
    for (const threadId of ["one", "two"]) {
      const body = JSON.stringify(userInput("hi", { threadId }));
      await (await fetch(`${host.url}/agui`, { method: "POST", headers, body })).text();
    }
    expect((await fetch(`${host.url}/threads?token=${BEARER}`, { headers })).status).toBe(500);
    await fetch(`${host.url}/${BEARER}`, { headers });
    await sluice.close();
    await host.close();
    const text = log.text();
    // Each failure was logged.
    expect(log.entries().map(({ msg }) => msg)).toEqual(["run failed", "run failed", "internal error"]);
    const base64 = Buffer.from(`user:${SECRETS.STRIPE_SECRET}`).toString("base64").slice(8, 24);
    for (const secret of [...TO_FIND, IN_CONFIG, BEARER, COOKIE, base64]) {
      for (const spelling of [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)]) {
        expect(text).not.toContain(spelling);
      }
    }
  });
});
