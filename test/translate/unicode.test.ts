/** Characters of two UTF-16 units that a model's chunks cut in the middle: they are sent whole. */

import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { WholeCharacters } from "../../src/translate/whole-characters.ts";
import { NUM_RUNS } from "../support/properties.ts";
import { callPiece, modelEnd, thought, token, translate } from "./events.ts";

const FOX = "🦊";
const [HIGH, LOW] = [FOX.slice(0, 1), FOX.slice(1)];

describe("text in pieces", () => {
  function whole(...pieces: string[]): string[] {
    const characters = new WholeCharacters();
    return [...pieces.map((piece) => characters.push(piece)), characters.end()];
  }

  it.each<[string, string[], string[]]>([
    ["passes as it is", ["a", FOX, "b"], ["a", FOX, "b", ""]],
    ["keeps the first half of a character until the other comes", [`a${HIGH}`, `${LOW}b`], ["a", `${FOX}b`, ""]],
    ["keeps it over pieces with nothing in them", [HIGH, "", LOW], ["", "", FOX, ""]],
    ["mends a first half whose other never comes", [HIGH, "b"], ["", "\ufffdb", ""]],
    ["mends a first half at the very end", ["a", HIGH], ["a", "", "\ufffd"]],
    ["mends a second half that comes alone", ["a", `${LOW}b`], ["a", "\ufffdb", ""]],
    ["mends two first halves, one by one", [HIGH, HIGH, LOW], ["", "\ufffd", FOX, ""]],
  ])("%s", (_, pieces, expected) => {
    expect(whole(...pieces)).toEqual(expected);
  });

  it("is the same wherever it is cut, and never half a character", () => {
    const units = fc.array(fc.constantFrom(HIGH, LOW, FOX, "a", "é", ""), { maxLength: 20 });
    fc.assert(
      fc.property(units, (pieces) => {
        const sent = whole(...(pieces as string[]));
        for (const piece of sent) expect(piece.isWellFormed()).toBe(true);
        expect(sent.join("")).toBe(pieces.join("").toWellFormed());
      }),
      { numRuns: Math.min(NUM_RUNS, 1_000) },
    );
  });
});

/** Text with characters of all kinds, and the same in pieces that may end in the middle of one. */
const cutText = fc
  .tuple(
    fc.string({
      unit: fc.constantFrom("a", FOX, "é", "👩‍👩‍👧", " ", "\n", "字", "<", ">"),
      minLength: 1,
      maxLength: 20,
    }),
    fc.array(fc.nat({ max: 60 }), { maxLength: 15 }),
  )
  .map(([text, positions]) => {
    const cuts = [...new Set(positions.map((position) => position % (text.length + 1)))].sort((a, b) => a - b);
    return { text, pieces: [0, ...cuts].map((from, index) => text.slice(from, cuts[index])) };
  });

function joined(events: readonly AguiEvent[], type: EventType): string {
  return events.map((event) => (event.type === type && "delta" in event ? event.delta : "")).join("");
}

function expectWhole(events: readonly AguiEvent[]): void {
  for (const event of events) expect(JSON.stringify(event)).not.toMatch(/\\ud[89a-f]/i);
}

describe.each([
  ["with tokens on", true],
  ["with tokens off", false],
])("what a model says, %s", (_, tokens) => {
  it.each(["with reasoning tags", "without reasoning tags"])("is sent in whole characters, %s", (how) => {
    const reasoningTags = how === "with reasoning tags" ? ["think"] : [];
    fc.assert(
      fc.property(cutText, ({ text, pieces }) => {
        const run = [...pieces.map((piece) => token("r", piece)), modelEnd("r", text)];
        const events = translate(run, { tokens, reasoningTags });
        expectWhole(events);
        expect(joined(events, EventType.TEXT_MESSAGE_CONTENT)).toBe(text);
      }),
    );
  });

  it("is sent in whole characters where it is thought", () => {
    fc.assert(
      fc.property(cutText, ({ text, pieces }) => {
        const events = translate([...pieces.map((piece) => thought("r", piece)), modelEnd("r")], { tokens });
        expectWhole(events);
        expect(joined(events, EventType.REASONING_MESSAGE_CONTENT)).toBe(text);
      }),
    );
  });

  it("is sent in whole characters where it is thought between tags", () => {
    fc.assert(
      fc.property(cutText, ({ text, pieces }) => {
        const thinking = ["<think>", ...pieces, "</think>", "Yes."].map((piece) => token("r", piece));
        const events = translate([...thinking, modelEnd("r")], { tokens, reasoningTags: ["think"] });
        expectWhole(events);
        expect(joined(events, EventType.REASONING_MESSAGE_CONTENT)).toBe(text.replace(/^\n+|\n+$/g, ""));
        expect(joined(events, EventType.TEXT_MESSAGE_CONTENT)).toBe("Yes.");
      }),
    );
  });

  it("is sent in whole characters where it is a tool's arguments", () => {
    fc.assert(
      fc.property(cutText, ({ text, pieces }) => {
        const [first, ...rest] = pieces;
        const head = callPiece("r", { id: "c", name: "draw", args: first ?? "" });
        const events = translate([head, ...rest.map((args) => callPiece("r", { args })), modelEnd("r")], { tokens });
        expectWhole(events);
        expect(joined(events, EventType.TOOL_CALL_ARGS)).toBe(text);
      }),
    );
  });

  it("and breaks off in the middle of a character ends in U+FFFD, wherever it was", () => {
    const run = [
      thought("a", `fox ${HIGH}`),
      token("b", `fox ${HIGH}`),
      callPiece("c", { id: "c", name: "draw", args: `fox ${HIGH}` }),
    ];
    const events = translate(run, { tokens, end: { kind: "cancelled" } });
    expectWhole(events);
    for (const type of [
      EventType.REASONING_MESSAGE_CONTENT,
      EventType.TEXT_MESSAGE_CONTENT,
      EventType.TOOL_CALL_ARGS,
    ] as const) {
      expect(joined(events, type)).toBe("fox \ufffd");
    }
  });
});
