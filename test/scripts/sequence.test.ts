import { expect, test } from "vitest";
import { Sequence } from "../../scripts/validate-streaming/sequence.ts";

const started = { type: "RUN_STARTED", threadId: "t", runId: "r" };
const finished = { type: "RUN_FINISHED", threadId: "t", runId: "r" };
const open = { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" };
const said = { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "Hi" };
const close = { type: "TEXT_MESSAGE_END", messageId: "m" };

function problems(...events: object[]): string[] {
  const sequence = new Sequence();
  for (const event of events) sequence.push(JSON.stringify(event));
  sequence.end();
  return sequence.problems;
}

test("a whole run is legal", () => {
  expect(problems(started, open, said, close, finished)).toEqual([]);
});

test("a run that failed with a message open is legal", () => {
  expect(problems(started, open, said, { type: "RUN_ERROR", message: "no" })).toEqual([]);
});

test.each<[string, object[], RegExp]>([
  ["nothing", [], /no event came/],
  ["no RUN_STARTED", [open, said, close, finished], /before RUN_STARTED/],
  ["content outside a message", [started, said, finished], /text message m is not open/],
  ["a message opened twice", [started, open, open, close, finished], /open already/],
  ["a message left open", [started, open, said, finished], /RUN_FINISHED while open: text message m/],
  ["no terminal event", [started, open, said, close], /its end is missing/],
  ["two terminal events", [started, finished, finished], /after the terminal event/],
  ["an event after the end", [started, finished, open], /TEXT_MESSAGE_START after the terminal event RUN_FINISHED/],
  ["another run's end", [started, { ...finished, runId: "other" }], /run other, but run r was started/],
  ["an event without its fields", [started, { type: "TEXT_MESSAGE_START" }, finished], /messageId/],
  ["an unknown type", [started, { type: "NONSENSE" }, finished], /no AG-UI event/],
])("%s is not", (_name, events, problem) => {
  expect(problems(...events).join("\n")).toMatch(problem);
});

test("what is no JSON is not", () => {
  const sequence = new Sequence();
  sequence.push("{");
  expect(sequence.problems[0]).toMatch(/event 1: not JSON/);
});
