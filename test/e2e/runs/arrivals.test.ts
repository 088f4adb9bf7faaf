/** A client that arrives at any moment of a run, its first and its last included, receives whole runs. */
import { setImmediate as endOfTurn } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type AguiEvent, isTerminal } from "../../../src/protocol/events.ts";
import { threadTopic } from "../../../src/protocol/ids.ts";
import { startSluice, type TestSluice } from "../../support/sluice.ts";
import { userInput } from "../../support/sse-client.ts";
import { dataOf, eventsOf, openSse } from "../../support/sse-frames.ts";
import { chatGraph, SteppedModel } from "../../support/stepped-model.ts";
import { verifyRun } from "../../support/verify.ts";
import { connect } from "../../support/ws-client.ts";
import { openFrames } from "./frames-client.ts";

/** Turns of the event loop between the request for a run and each arrival. The first client arrives before the run. */
const TURNS = Array.from({ length: 40 }, (_, index) => index);

let sluice: TestSluice;

beforeAll(async () => {
  sluice = await startSluice({ quick: { graph: chatGraph(new SteppedModel({ always: ["Hel", "lo"] })) } });
});
afterAll(() => sluice.close());

/** Cuts the events of one client into runs, and checks that each run is valid. */
async function wholeRuns(events: readonly AguiEvent[]): Promise<string[]> {
  const runs: AguiEvent[][] = [[]];
  for (const event of events) {
    runs.at(-1)?.push(event);
    if (isTerminal(event.type)) runs.push([]);
  }
  expect(runs.pop()).toEqual([]);
  for (const run of runs) await verifyRun(run);
  return runs.map(([first]) => (first && "runId" in first ? String(first.runId) : ""));
}

/** Begins a run, lets `arrive` happen after some turns of the event loop, and then has a second run on the same thread. */
async function twoRuns<T>(threadId: string, turns: number, arrive: () => T) {
  const [first, second] = [userInput("one", { threadId }), userInput("two", { threadId })];
  const run = async (input: typeof first) => dataOf(await (await openSse(`${sluice.url}/agui`, input)).done);
  const early = turns === 0 ? await arrive() : undefined;
  const begun = run(first);
  for (let turn = 0; turn < turns; turn += 1) await endOfTurn();
  const arrival = early ?? arrive();
  await begun;
  await arrival;
  await run(second);
  return { arrival: await arrival, first: first.runId, second: second.runId };
}

const isEndOf = (runId: string) => (frame: string) => frame.includes("RUN_FINISHED") && frame.includes(runId);

it("over agui: a tab that goes to the thread", async () => {
  const sent = await Promise.all(
    TURNS.map(async (turns) => {
      const threadId = `agui ${turns}`;
      const client = await connect(`${sluice.ws}/ws`);
      const { first, second } = await twoRuns(threadId, turns, () => client.send(`/thread ${threadId}`));
      const frames = await client.until((frame) => isEndOf(second)(frame));
      await client.close();
      const runs = await wholeRuns(
        eventsOf(frames).filter((event) => !("name" in event && event.name === "sluice.notice")),
      );
      expect([[first, second], [second]]).toContainEqual(runs);
      return runs.length;
    }),
  );
  expect(sent).toContain(2);
});

it("over frames: one who subscribes", async () => {
  const sent = await Promise.all(
    TURNS.map(async (turns) => {
      const threadId = `frames ${turns}`;
      const client = await openFrames(sluice.ws);
      const subscribe = { type: "subscribe", topic: threadTopic(threadId) };
      const { second } = await twoRuns(threadId, turns, () => client.ask(subscribe));
      await client.until(({ data }) => data !== undefined && isEndOf(second)(JSON.stringify(data)));
      const runs = await wholeRuns(client.sent(threadId).map(({ data }) => data));
      await client.close();
      expect(runs.at(-1)).toBe(second);
      return runs.length;
    }),
  );
  // A client that arrives before the run also gets the empty thread.
  expect(new Set(sent).size).toBeGreaterThan(1);
});

it("over SSE: one who connects", async () => {
  await Promise.all(
    TURNS.map(async (turns) => {
      const threadId = `connect ${turns}`;
      const { arrival } = await twoRuns(threadId, turns, () =>
        openSse(`${sluice.url}/agui/agent/quick/connect`, { threadId }),
      );
      const runs = await wholeRuns(eventsOf(dataOf(await arrival.done)));
      expect(runs).toHaveLength(1);
    }),
  );
});
