/** Valid frames and bodies with random changes: nothing breaks, and nothing is kept. */
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import fc from "fast-check";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { NUM_RUNS, SEED } from "../support/properties.ts";
import { startSluice, type TestSluice } from "../support/sluice.ts";
import { userInput } from "../support/sse-client.ts";
import { eventsOf } from "../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";
import { connect, isType, type WsClient } from "../support/ws-client.ts";

/** The longest time of the test. Inputs that are left then are not tested. */
const MOST_MS = 900_000;
vi.setConfig({ testTimeout: MOST_MS + 60_000 });

let sluice: TestSluice;
const rejections: unknown[] = [];
const noteRejection = (reason: unknown) => void rejections.push(reason);

beforeAll(async () => {
  process.on("unhandledRejection", noteRejection);
  const small = { MAX_THREADS: "50", LOG_MAX_TOTAL_BYTES: "1048576", MAX_BODY_BYTES: "65536", MAX_ACTIVE_RUNS: "50" };
  sluice = await startSluice({ quick: { graph: chatGraph(new SteppedModel({ always: ["Hello"] })) } }, small);
});
afterAll(async () => {
  process.off("unhandledRejection", noteRejection);
  await sluice.close();
});

const input = userInput("hi", { threadId: "t", runId: "r" });
const FRAMES = [
  { type: "run", id: "1", agent: "quick", input, events: "on_*", tokens: false },
  { type: "subscribe", id: "2", topic: "thread:t", after: "k3v9:17", reasoning: true },
  { type: "unsubscribe", id: "3", topic: "thread:t" },
  { type: "cancel", id: "4", threadId: "t" },
  { type: "stats", id: "5", topic: "thread:t" },
  { type: "auth", id: "6", token: "a" },
  { type: "ping", id: "7" },
].map((frame) => JSON.stringify(frame));
const BODIES: readonly (readonly [path: string, body: string])[] = [
  ["/agui", JSON.stringify(input)],
  ["/agui/agent/quick/connect", JSON.stringify({ threadId: "t" })],
  ["/agui/agent/quick/stop/t", "{}"],
  ["/chat", JSON.stringify({ message: "hi", agent: "quick", threadId: "t" })],
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

/** A place in a text (as a share of it) and what happens there. */
const change = fc.record({
  at: fc.double({ min: 0, max: 1, noNaN: true }),
  length: fc.integer({ min: 0, max: 12 }),
  by: fc.oneof(fc.constantFrom(...ODD, "", '"', "{", "}", ",", ":", "\\", "\0", "\u2028"), fc.string({ maxLength: 4 })),
});
const changes = fc.array(change, { minLength: 1, maxLength: 4 });
type Change = typeof change extends fc.Arbitrary<infer T> ? T : never;

function changed(text: string, made: readonly Change[]): string {
  return made.reduce((before, { at, length, by }) => {
    const from = Math.floor(at * before.length);
    return before.slice(0, from) + by + before.slice(from + length);
  }, text);
}

interface Fuzzed {
  readonly which: number;
  readonly made: readonly Change[];
  readonly door: "agui" | "frames" | "body";
}
const fuzzed: fc.Arbitrary<Fuzzed> = fc.record({
  which: fc.nat(),
  made: changes,
  door: fc.constantFrom("agui", "frames", "body"),
});

function heap(): number {
  setFlagsFromString("--expose-gc");
  (runInNewContext("gc") as () => void)();
  return process.memoryUsage().heapUsed;
}

it(`${NUM_RUNS} of them (PROPERTY_SEED=${SEED}) break nothing, are answered by no internal error, and leave nothing open`, async () => {
  const sockets: Partial<Record<string, WsClient>> = {};
  const open = async (door: "agui" | "frames") => {
    const known = sockets[door];
    if (known && known.socket.readyState === known.socket.OPEN) return known;
    const client = await connect(`${sluice.ws}/ws`, {}, door === "frames" ? ["sluice.v1"] : []);
    sockets[door] = client;
    return client;
  };
  const answers: string[] = [];
  const one = async ({ which, made, door }: Fuzzed) => {
    if (door === "body") {
      const [path = "", body = ""] = BODIES[which % BODIES.length] ?? [];
      const signal = AbortSignal.timeout(10_000);
      const headers = { "content-type": "application/json" };
      const response = await fetch(`${sluice.url}${path}`, {
        method: "POST",
        headers,
        body: changed(body, made),
        signal,
      });
      // A watch has no end of its own.
      if (path.endsWith("/connect") && response.ok) await response.body?.cancel();
      else answers.push(await response.text());
      expect([500, 502, 504]).not.toContain(response.status);
      return;
    }
    const client = await open(door);
    client.send(changed(FRAMES[which % FRAMES.length] ?? "", made));
  };
  const settled = async () => {
    const client = await open("frames");
    client.send({ type: "ping", id: "settled" });
    await client.until((frame) => frame.includes('"settled"'));
    for (const door of ["agui", "frames"]) {
      answers.push(...(sockets[door]?.frames.splice(0) ?? []));
      await sockets[door]?.close();
      delete sockets[door];
    }
    expect(answers.filter((answer) => /"code":"internal"|\n\s+at /.test(answer))).toEqual([]);
    answers.length = 0;
  };
  // Printed at once: a test that hangs or crashes its process never shows its name.
  process.stdout.write(`Fuzzing with PROPERTY_SEED=${SEED} PROPERTY_RUNS=${NUM_RUNS}\n`);
  const all = fc.sample(fuzzed, { numRuns: NUM_RUNS, seed: SEED });
  const began = Date.now();
  const elapsed = () => (Date.now() - began) / MOST_MS;
  let before: number | undefined;
  let tried = 0;
  for (let from = 0; from < all.length && elapsed() < 1; from += 20) {
    await Promise.all(all.slice(from, from + 20).map(one));
    tried = Math.min(from + 20, all.length);
    if (from % 100 === 0) await settled();
    if (tried >= all.length / 2 || elapsed() > 0.5) before ??= heap();
  }
  await settled();
  process.stdout.write(`${tried} of them were tried.\n`);
  await expect.poll(() => sluice.runs.activeCount).toBe(0);
  // All that is kept has been reached by half of them, or in half of the time.
  expect(heap() - (before ?? 0)).toBeLessThan(32 * 1_048_576);
  expect(rejections).toEqual([]);
  expect(({} as { x?: unknown }).x).toBeUndefined();
  const client = await connect(`${sluice.ws}/ws`);
  client.send("Still there?");
  await verifyRun(eventsOf(await client.until(isType("RUN_FINISHED", "RUN_ERROR"))));
  await client.close();
});
