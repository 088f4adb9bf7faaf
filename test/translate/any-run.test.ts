import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { ADMIT_ALL, type AllowList, allowList } from "../../src/graph/allow-list.ts";
import { type AguiEvent, EventType, isTerminal } from "../../src/protocol/events.ts";
import type { GraphEvent } from "../../src/protocol/graph-event.ts";
import { NUM_RUNS } from "../support/properties.ts";
import { verifyRun } from "../support/verify.ts";
import { translate } from "./events.ts";
import { cutEvents, graphEvents, runEnd } from "./random-runs.ts";

/** Clients update calls with the same id, and print a warning. */
beforeAll(() => {
  vi.spyOn(console, "warn").mockImplementation(() => {});
});
afterAll(() => {
  vi.restoreAllMocks();
});

/** Admits each event, or refuses it by its name or place, as the next number of `dice` decides. */
function randomly(dice: readonly number[]): AllowList {
  const fates = new Map<GraphEvent, number>();
  const fate = (event: GraphEvent) => {
    const known = fates.get(event) ?? dice[fates.size % dice.length] ?? 0;
    fates.set(event, known);
    return known;
  };
  return { ...ADMIT_ALL, admits: (event) => fate(event) < 2, admitsPlace: (event) => fate(event) < 3 };
}

const lists = fc.oneof(
  fc.constant(ADMIT_ALL),
  fc.array(fc.nat(3), { minLength: 1, maxLength: 20 }).map(randomly),
  fc.constantFrom(
    allowList({ events: ["on_chat_model_stream"] }),
    allowList({ events: ["on_chat_model_end", "on_chain_*"] }),
    allowList({ nodes: { exclude: ["write"] } }),
    allowList({ events: ["on_*_start"], maxDepth: 1 }),
  ),
);

function textsOf(events: readonly AguiEvent[]): Map<string, string> {
  const texts = new Map<string, string>();
  for (const event of events) {
    if (event.type !== EventType.TEXT_MESSAGE_CONTENT) continue;
    texts.set(event.messageId, (texts.get(event.messageId) ?? "") + event.delta);
  }
  return texts;
}

describe("whatever the graph does, whatever is admitted, and wherever it stops", () => {
  it("the events of a run are a legal sequence with one end, for both generations of clients", async () => {
    await fc.assert(
      fc.asyncProperty(
        cutEvents,
        lists,
        runEnd,
        fc.record({ tokens: fc.boolean(), reasoning: fc.boolean() }),
        async (events, allowList, end, options) => {
          const sent = translate(events, { ...options, allowList, end });
          expect(sent.filter(({ type }) => isTerminal(type))).toHaveLength(1);
          // Models, branches and nodes that run again use one id for several calls.
          const calls = sent.flatMap((event) => (event.type === EventType.TOOL_CALL_START ? [event.toolCallId] : []));
          expect(new Set(calls).size).toBe(calls.length);
          await verifyRun(JSON.parse(JSON.stringify(sent)) as AguiEvent[]);
        },
      ),
      { numRuns: NUM_RUNS },
    );
  }, 300_000);
});

describe("of every model's run that is admitted", () => {
  /** By run, what its chunks say; when it had none, what its end says. */
  function expected(events: readonly GraphEvent[], list: AllowList): string[] {
    const streamed = new Map<string, string>();
    const whole = new Map<string, string>();
    for (const event of events) {
      if (!list.admits(event)) continue;
      const { chunk, output } = event.data as { chunk?: { text: string }; output?: { text: string } };
      const { run_id: run } = event;
      if (event.event === "on_chat_model_stream") streamed.set(run, (streamed.get(run) ?? "") + chunk?.text);
      if (event.event === "on_chat_model_end") whole.set(run, output?.text ?? "");
    }
    return [...new Map([...whole, ...streamed]).values()].filter((text) => text !== "").sort();
  }

  it("the whole text leaves, once, in one message", () => {
    // Without nodes, because a node's end adds messages and a repeated node removes its earlier ones.
    const list = allowList({ events: ["on_chat_model_*", "on_tool_*"] });
    fc.assert(
      fc.property(graphEvents, fc.boolean(), (all, tokens) => {
        const events = all.filter(({ event }) => !event.startsWith("on_chain_"));
        const texts = textsOf(translate(events, { allowList: list, tokens }));
        expect([...texts.values()].sort()).toEqual(expected(events, list));
      }),
      { numRuns: NUM_RUNS },
    );
  }, 300_000);

  it("the text does not depend on tokens being on", () => {
    fc.assert(
      fc.property(cutEvents, lists, runEnd, (events, allowList, end) => {
        const on = textsOf(translate(events, { allowList, end }));
        const off = textsOf(translate(events, { allowList, end, tokens: false }));
        expect(Object.fromEntries(off)).toEqual(Object.fromEntries(on));
      }),
      { numRuns: NUM_RUNS },
    );
  }, 300_000);

  it("with tokens off there is at most one piece of each text", () => {
    fc.assert(
      fc.property(cutEvents, lists, runEnd, (events, allowList, end) => {
        const pieces = translate(events, { allowList, end, tokens: false }).flatMap((event) =>
          event.type === EventType.TEXT_MESSAGE_CONTENT ? [event.messageId] : [],
        );
        expect(new Set(pieces).size).toBe(pieces.length);
      }),
      { numRuns: NUM_RUNS },
    );
  }, 300_000);
});
