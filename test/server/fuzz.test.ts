/** Valid frames and bodies with random changes, sent to a server in its own process: nothing breaks, and nothing is kept. */
import { Agent, request } from "node:http";
import fc from "fast-check";
import { afterAll, expect, it, vi } from "vitest";
import { SUBPROTOCOL } from "../../src/protocol/frames.ts";
import { killRest, project, serve } from "../support/child.ts";
import { NUM_RUNS, SEED } from "../support/properties.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { verifyRun } from "../support/verify.ts";
import { connect } from "../support/ws-client.ts";

vi.setConfig({ testTimeout: 1_200_000 });
afterAll(killRest);

/** The agent `resources` answers with what the process still holds after garbage collection. */
const GRAPHS = `
  import { END, MessagesAnnotation, START, StateGraph } from "@langchain/langgraph";
  import { setFlagsFromString } from "node:v8";
  import { runInNewContext } from "node:vm";
  setFlagsFromString("--expose-gc");
  const gc = runInNewContext("gc");
  const answering = (answer) =>
    new StateGraph(MessagesAnnotation)
      .addNode("answer", () => ({ messages: [{ role: "assistant", content: answer() }] }))
      .addEdge(START, "answer")
      .addEdge("answer", END)
      .compile();
  export const quick = answering(() => "Hello.");
  export const resources = answering(() => {
    gc();
    const sockets = process.getActiveResourcesInfo().filter((name) => name === "TCPSocketWrap").length;
    return JSON.stringify({ heap: process.memoryUsage().heapUsed, sockets, polluted: "x" in {} });
  });
`;

const AGENTS = { agents: { quick: { graph: "../graphs.mjs:quick" }, resources: { graph: "../graphs.mjs:resources" } } };
const SETTINGS = { CONFIG_DIR: "config", MAX_BODY_BYTES: "65536", LOG_MAX_TOTAL_BYTES: "1048576", LOG_LEVEL: "warn" };

const framesOn = (threadId: string) =>
  [
    {
      type: "run",
      id: "1",
      agent: "quick",
      input: userInput("hi", { threadId, runId: "r" }),
      events: "on_*",
      tokens: false,
    },
    { type: "subscribe", id: "2", topic: `thread:${threadId}`, after: "k3v9:17", reasoning: true },
    { type: "unsubscribe", id: "3", topic: `thread:${threadId}` },
    { type: "cancel", id: "4", threadId },
    { type: "stats", id: "5", topic: `thread:${threadId}` },
    { type: "auth", id: "6", token: "a" },
    { type: "ping", id: "7" },
  ].map((frame) => JSON.stringify(frame));

const bodiesOn = (threadId: string): readonly (readonly [path: string, body: string])[] => [
  ["/agui", JSON.stringify(userInput("hi", { threadId, runId: "r" }))],
  ["/agui/agent/quick/connect", JSON.stringify({ threadId })],
  [`/agui/agent/quick/stop/${threadId}`, "{}"],
  ["/chat", JSON.stringify({ message: "hi", agent: "quick", threadId })],
];

const ODD = [
  "null",
  "[]",
  "{}",
  "-0",
  "1e999",
  '"\\ud800"',
  '"__proto__"',
  '{"__proto__":{"x":1}}',
  "[".repeat(500),
  `"${"x".repeat(5_000)}"`,
];

/** A place is a share of the text. It is an integer, because most of fast-check's fractions are next to 0. */
const SHARES = 10_000;

/** A place in a text and what happens there. */
const change = fc.record({
  at: fc.integer({ min: 0, max: SHARES - 1 }),
  length: fc.integer({ min: 0, max: 12 }),
  by: fc.oneof(fc.constantFrom(...ODD, "", '"', "{", "}", ",", ":", "\\", "\0", "\u2028"), fc.string({ maxLength: 4 })),
});
const fuzzed = fc.record({ which: fc.nat(), made: fc.array(change, { minLength: 1, maxLength: 4 }) });
type Fuzzed = typeof fuzzed extends fc.Arbitrary<infer T> ? T : never;

function changed(text: string, made: Fuzzed["made"]): string {
  return made.reduce((before, { at, length, by }) => {
    const from = Math.floor((at * before.length) / SHARES);
    return before.slice(0, from) + by + before.slice(from + length);
  }, text);
}

/** A round's inputs: a third for each door, which is fewer than may wait in the line of a thread. */
const PER_ROUND = 60;
const ROUNDS_AT_ONCE = 4;

const isInternal = (answer: string) => /"code":"internal"|\n\s+at /.test(answer);

/** Sends all on one socket, then `last`, which waits in line for them, and resolves when that is answered. */
async function send(
  url: string,
  protocols: string[],
  texts: readonly string[],
  last: string | object,
  answered: string,
) {
  const client = await connect(`${url.replace("http", "ws")}/ws`, {}, protocols);
  for (const text of texts) client.send(text);
  client.send(last);
  const answers = await client.until((frame) => frame.includes(answered));
  await client.close();
  expect(answers.filter(isInternal)).toEqual([]);
}

const lines = new Agent({ keepAlive: true });

/** Posts a body, and resolves when it is answered. */
async function post(url: string, path: string, body: string) {
  const headers = { "content-type": "application/json", "content-length": Buffer.byteLength(body) };
  const [status, answer] = await new Promise<[number, string]>((resolve, reject) => {
    const sent = request(`${url}${path}`, { method: "POST", headers, agent: lines }, (response) => {
      const { statusCode = 0 } = response;
      let text = "";
      response.setEncoding("utf8").on("data", (chunk: string) => {
        text += chunk;
      });
      response.once("end", () => resolve([statusCode, text])).once("error", reject);
      // A watch has no end of its own.
      if (path.endsWith("/connect") && statusCode === 200) {
        resolve([statusCode, text]);
        response
          .off("error", reject)
          .on("error", () => {})
          .destroy();
      }
    });
    sent.once("error", reject).end(body);
  });
  expect([500, 502, 504]).not.toContain(status);
  expect(isInternal(answer) ? answer : "").toBe("");
}

/** All of these inputs on one thread, through three doors at once. */
async function round(url: string, threadId: string, inputs: readonly Fuzzed[]): Promise<void> {
  const through = (door: number) => inputs.filter((_, index) => index % 3 === door);
  const frames = framesOn(threadId);
  const bodies = bodiesOn(threadId);
  const textsOf = (door: number) =>
    through(door).map(({ which, made }) => changed(frames[which % frames.length] ?? "", made));
  await Promise.all([
    send(url, [], textsOf(0), "/thread over", "On thread over"),
    send(url, [SUBPROTOCOL], textsOf(1), { type: "unsubscribe", id: "over", topic: `thread:${threadId}` }, '"over"'),
    ...through(2).map(({ which, made }) => {
      const [path = "", body = ""] = bodies[which % bodies.length] ?? [];
      return post(url, path, changed(body, made));
    }),
  ]);
}

async function resources(url: string): Promise<{ heap: number; sockets: number; polluted: boolean }> {
  const run = await postRun(url, userInput("What do you hold?"), "/agui/agent/resources/run");
  const events = await run.done;
  await verifyRun(events);
  const text = events.flatMap((event) => (event.type === "TEXT_MESSAGE_CONTENT" ? [event.delta] : [])).join("");
  return JSON.parse(text) as Awaited<ReturnType<typeof resources>>;
}

it(`${NUM_RUNS} of them (PROPERTY_SEED=${SEED}) break nothing, are answered by no internal error, and leave nothing open`, async () => {
  // Printed at once: a test that hangs or crashes its process never shows its name.
  process.stdout.write(`Fuzzing with PROPERTY_SEED=${SEED} PROPERTY_RUNS=${NUM_RUNS}\n`);
  await using folder = await project({ "graphs.mjs": GRAPHS, "config/agents.json": JSON.stringify(AGENTS) });
  const server = await serve(SETTINGS, [], folder.path);
  const all = fc.sample(fuzzed, { numRuns: NUM_RUNS, seed: SEED });
  const rounds = Array.from({ length: Math.ceil(all.length / PER_ROUND) }, (_, index) => index);
  const later = rounds.splice(Math.ceil(rounds.length / 2));
  const fuzz = (left: number[]) =>
    Promise.all(
      Array.from({ length: ROUNDS_AT_ONCE }, async () => {
        for (let index = left.shift(); index !== undefined; index = left.shift()) {
          const inputs = all.slice(index * PER_ROUND, (index + 1) * PER_ROUND);
          await round(server.url, `t${String(index).padStart(5, "0")}`, inputs);
        }
      }),
    );
  await fuzz(rounds);
  // All that is kept has been reached by half of them.
  const before = await resources(server.url);
  await fuzz(later);
  lines.destroy();
  await expect.poll(async () => (await resources(server.url)).sockets).toBe(1);
  const after = await resources(server.url);
  expect(after.heap - before.heap).toBeLessThan(32 * 1_048_576);
  expect(after.polluted).toBe(false);
  const { code, stdout, stderr } = await server.stop();
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  // Warnings and errors of the server are lines of JSON.
  expect(stdout.split("\n").filter((line) => line.startsWith("{"))).toEqual([]);
});
