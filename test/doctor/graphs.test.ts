/** Real graphs with a real model endpoint, each with a different fault. The doctor must name the fault. */
import { execFile } from "node:child_process";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { VerdictCode } from "../../src/doctor/verdict.ts";
import type { Found, GraphCase } from "./examine.ts";
import { type ModelEndpoint, modelEndpoint, type Pace, WORDS } from "./model-endpoint.ts";

const here = (path: string) => fileURLToPath(new URL(path, import.meta.url));

interface Case {
  readonly graph?: string;
  readonly pace?: Pace;
  readonly options?: Partial<GraphCase>;
  readonly code: VerdictCode;
  /** Part of the verdict's text, and its evidence. */
  readonly says: RegExp;
  readonly shows?: Record<string, unknown>;
}

const THOUGHT = ["I ", "think ", "it ", "over.", "</think>", "So ", "here ", "is ", "a ", "whole ", "long ", "answer."];
const config = { configFile: here("agents.json") };

const GOOD: Record<string, Case> = {
  "a model that streams": { graph: "good", code: "streams", says: /43 pieces/ },
  "two nodes, one of which streams itself": { graph: "twoNodes", code: "streams", says: /43 pieces/ },
  "a slow model": {
    graph: "good",
    pace: { wait: 700, gap: 60, words: WORDS.slice(0, 20) },
    code: "streams",
    says: /20 pieces/,
  },
  "a model as even as a clock, after a long wait": {
    graph: "good",
    pace: { wait: 900, gap: 20 },
    code: "streams",
    says: /./,
  },
  "a model that speaks in bursts": {
    graph: "good",
    pace: { wait: 400, gap: 80, burst: 10 },
    code: "streams",
    says: /./,
  },
  "a model that is very quick": { graph: "good", pace: { wait: 0, gap: 0, burst: 100 }, code: "streams", says: /./ },
  "real pieces, smoothed by timers": { graph: "smoothed", code: "streams", says: /./ },
  "a stand-in that plays a text": { graph: "standIn", code: "streams", says: /./ },
};

const BROKEN: Record<string, Case> = {
  "callbacks replaced by hand": {
    graph: "callbacksReplaced",
    code: "unseen-model-call",
    says: /at test\/doctor\/graphs\/graphs\.mjs:\d+:\d+ with its callbacks replaced, .*: an empty list/,
    shows: { "its message carries": "usage_metadata, response_metadata", "answered with": "200 application/json" },
  },
  "callbacks replaced by withConfig": {
    graph: "boundCallbacks",
    code: "unseen-model-call",
    says: /at test\/doctor\/graphs\/graphs\.mjs:\d+:\d+ with its callbacks replaced, .*: an empty list/,
  },
  "events without a version": {
    graph: "versionless",
    code: "unseen-model-call",
    says: /at .*graphs\.mjs:\d+.* through its `streamEvents` without a version, which calls no callbacks/,
  },
  "events of its own": { graph: "ownEvents", code: "unseen-model-call", says: /a `streamEvents` of its own/ },
  "an answer in the arguments of a tool": {
    graph: "toolAnswer",
    code: "structured-output",
    says: /as arguments of a tool/,
  },
  "an answer in JSON": {
    graph: "jsonAnswer",
    pace: { words: JSON.stringify({ answer: WORDS.join("") }).split(/(?<= )/) },
    code: "structured-output",
    says: /answers in JSON/,
  },
  "a generator function": { graph: "generator", code: "generator-node", says: /"chat" is a generator function/ },
  "an answer from a cache": { graph: "cached", code: "cached-answer", says: /cache had the answer/ },
  "a refusal that the node swallows": {
    graph: "swallows",
    pace: { status: 401 },
    code: "model-refused",
    says: /answered 401, and node "chat" said a text of its own/,
  },
  "a model in a worker thread": { graph: "inWorker", code: "unseen-model-call", says: /in a worker thread/ },
  "a model behind a call that blocks": {
    graph: "inBlockingChild",
    code: "unseen-model-call",
    says: /blocks this process/,
    shows: { "it stood still": "until it had ended" },
  },
  "async context lost": { graph: "contextLost", code: "unseen-model-call", says: /async context was lost/ },
  "streaming: false": {
    graph: "streamingFalse",
    code: "streaming-disabled",
    says: /has streaming: false/,
    shows: { "answered with": "200 application/json" },
  },
  disableStreaming: { graph: "streamingDisabled", code: "streaming-disabled", says: /has disableStreaming: true/ },
  "a model that reports no tokens": { graph: "unreported", code: "tokens-not-reported", says: /reports no token/ },
  "finished text": { graph: "finishedText", code: "finished-text", says: /no model call was seen/ },
  "an inner graph of which only the state is read": {
    graph: "innerState",
    code: "state-snapshots",
    says: /"wrapper\/writer" got the answer unseen/,
  },
  "one chunk": {
    graph: "good",
    pace: { words: [WORDS.join("")] },
    code: "one-chunk",
    says: /answered in one piece/,
    shows: { "answered with": "200 text/event-stream" },
  },
  "a finished text that a model plays": {
    graph: "playedModel",
    code: "fake-streaming",
    says: /had its whole answer before the first piece/,
    shows: { "bytes after the first piece": "none", "set off by a timer": expect.stringMatching(/^(9\d|100)%/) },
  },
  "a finished text in one burst": { graph: "burstModel", code: "fake-streaming", says: /in one burst/ },
  "a finished text as custom events": {
    graph: "playedEvents",
    code: "fake-streaming",
    says: /node "chat" had its whole answer/,
    shows: { "CUSTOM custom": "43 events" },
  },
  "real tokens, but as custom events": { graph: "realEvents", code: "custom-tokens", says: /as CUSTOM events/ },
  "an endpoint that collects its stream": {
    graph: "good",
    pace: { wait: 100, collects: true },
    code: "model-endpoint-buffers",
    says: /something in front of the model/,
  },
  "tagged nostream": {
    graph: "tagged",
    code: "events-refused",
    says: /tagged nostream/,
    shows: { "chunks refused": "44" },
  },
  "a node that the filter refuses": {
    options: { ...config, agent: "filtered" },
    code: "events-refused",
    says: /the agent's filter refuses/,
  },
  "events that the filter refuses": {
    options: { ...config, agent: "ends-only" },
    code: "events-refused",
    says: /on_chat_model_stream is not among/,
  },
  "tokens switched off": {
    options: { ...config, agent: "whole" },
    code: "tokens-off",
    says: /put its pieces together/,
  },
  "tags that are named and never come": {
    options: { ...config, agent: "thoughtful" },
    code: "reasoning-missing",
    says: /Reasoning was expected/,
    shows: { "tags looked for": "reflection", "opening tags": "0" },
  },
  "reasoning that was asked for": {
    graph: "good",
    options: { expectReasoning: true },
    code: "reasoning-missing",
    says: /Reasoning was expected/,
  },
  "a closing tag alone": {
    graph: "good",
    pace: { words: THOUGHT },
    options: { expectReasoning: true },
    code: "reasoning-unopened",
    says: /without an opening one/,
    shows: { "closing tags": "1", "opening tags": "0" },
  },
  "a late first token": {
    graph: "good",
    pace: { wait: 600 },
    options: { firstTokenMs: 300 },
    code: "late-first-token",
    says: /the limit is 300 ms/,
  },
  "a model that wants another key": {
    graph: "good",
    pace: { status: 401 },
    code: "model-refused",
    says: /answered 401/,
  },
  "no key at all": { graph: "keyless", code: "model-refused", says: /Missing credentials/ },
  "a graph that throws": { graph: "thrower", code: "run-failed", says: /The database is not there/ },
  "a graph that takes too long": {
    graph: "good",
    pace: { wait: 3_000 },
    options: { timeoutMs: 400 },
    code: "timed-out",
    says: /not ended after 400 ms/,
    shows: { "at work": "chat" },
  },
  "a graph that says nothing": { graph: "silent", code: "no-text", says: /sent no text/ },
  "too short to tell": { graph: "good", pace: { words: ["Yes."] }, code: "too-short", says: /too short to tell/ },
};

/** Verdicts after which the streaming is unknown. */
const UNKNOWN: ReadonlySet<VerdictCode> = new Set(["model-refused", "run-failed", "cached-answer"]);
const CASES = { ...GOOD, ...BROKEN };
const endpoints: ModelEndpoint[] = [];
let found: Record<string, Found[]> = {};

beforeAll(async () => {
  const byPace = new Map<string, ModelEndpoint>();
  const cases: GraphCase[] = [];
  const all: [string, Pick<Case, "graph" | "pace" | "options">][] = Object.entries(CASES);
  all.push(["a second message", { graph: "secondUnseen" }]);
  for (const [name, { graph, pace = {}, options }] of all) {
    const key = JSON.stringify(pace);
    const endpoint = byPace.get(key) ?? (await modelEndpoint(pace));
    if (!byPace.has(key)) endpoints.push(endpoint);
    byPace.set(key, endpoint);
    const target = graph === undefined ? {} : { target: `${here("graphs/graphs.mjs")}:${graph}` };
    cases.push({ name, modelUrl: endpoint.baseUrl, ...target, ...options });
  }
  // The models are slow and a process examines one graph at a time, so two processes run concurrently.
  const halves = [cases.filter((_, index) => index % 2 === 0), cases.filter((_, index) => index % 2 === 1)];
  found = Object.assign({}, ...(await Promise.all(halves.map(examined))));
});

/** Returns the findings of a separate process about these graphs. */
async function examined(cases: readonly GraphCase[]): Promise<typeof found> {
  const args = ["--import", "tsx", here("examine.ts"), JSON.stringify(cases)];
  const { stdout } = await promisify(execFile)(process.execPath, args, { maxBuffer: 1 << 24 });
  return JSON.parse(stdout) as typeof found;
}

afterAll(() => Promise.all(endpoints.map((endpoint) => endpoint.close())));

describe("these stream", () => {
  test.each(Object.entries(GOOD))("%s", (name, { code, says }) => {
    const verdicts = found[name] ?? [];
    expect(verdicts.filter(({ kind }) => kind === "fault")).toEqual([]);
    expect(verdicts[0]).toMatchObject({ code, sentence: expect.stringMatching(says) });
  });

  test("only the stand-in is reported to be one", () => {
    const noted = Object.keys(GOOD).filter((name) => found[name]?.some(({ code }) => code === "simulated-model"));
    expect(noted).toEqual(["a stand-in that plays a text"]);
  });
});

describe("these do not, and the doctor knows why", () => {
  test.each(Object.entries(BROKEN))("%s", (name, { code, says, shows = {} }) => {
    expect(found[name]?.[0]).toMatchObject({
      code,
      kind: UNKNOWN.has(code) ? "unknown" : "fault",
      sentence: expect.stringMatching(says),
      evidence: shows,
    });
  });
});

test("every message is looked at, not the first alone", () => {
  const faults = found["a second message"]?.filter(({ kind }) => kind === "fault");
  expect(faults).toMatchObject([
    { code: "unseen-model-call", sentence: expect.stringMatching(/^Node "second" calls a model/) },
  ]);
});
