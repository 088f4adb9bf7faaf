import { expect, test } from "vitest";
import { Sequence } from "../../src/check/sequence.ts";

const started = { type: "RUN_STARTED", threadId: "t", runId: "r" };
const finished = { type: "RUN_FINISHED", threadId: "t", runId: "r" };
const open = { type: "TEXT_MESSAGE_START", messageId: "m", role: "assistant" };
const said = { type: "TEXT_MESSAGE_CONTENT", messageId: "m", delta: "Hi" };
const close = { type: "TEXT_MESSAGE_END", messageId: "m" };

function problems(...events: object[]): string[] {
  const sequence = new Sequence({ threadId: "t", runId: "r" });
  for (const event of events) sequence.push(JSON.stringify(event));
  sequence.end();
  return sequence.problems.map(({ id, what }) => `${id} ${what}`);
}

test("a whole run is legal", () => {
  expect(problems(started, open, said, close, finished)).toEqual([]);
});

test("a run that failed with a message open is legal", () => {
  expect(problems(started, open, said, { type: "RUN_ERROR", message: "no" })).toEqual([]);
});

test("a result follows its call, whichever way the call was announced", () => {
  const result = { type: "TOOL_CALL_RESULT", messageId: "r", toolCallId: "c", content: "noon" };
  const call = [
    { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "clock" },
    { type: "TOOL_CALL_END", toolCallId: "c" },
  ];
  const chunk = { type: "TOOL_CALL_CHUNK", toolCallId: "c", toolCallName: "clock", delta: "{}" };
  const toolCalls = [{ id: "c", type: "function", function: { name: "clock", arguments: "{}" } }];
  const snapshot = { type: "MESSAGES_SNAPSHOT", messages: [{ id: "m", role: "assistant", toolCalls }] };
  for (const before of [call, [chunk], [snapshot]]) expect(problems(started, ...before, result, finished)).toEqual([]);
  expect(problems(started, result, finished)).toEqual([
    "2.7 event 2: TOOL_CALL_RESULT of c, a call that was not announced",
  ]);
});

test("what is no span may follow the end of its subagent", () => {
  const late = [
    { type: "CUSTOM", name: "progress", value: 1 },
    { type: "ACTIVITY_SNAPSHOT", messageId: "a", activityType: "PLAN", content: {} },
    { type: "ACTIVITY_DELTA", messageId: "a", activityType: "PLAN", patch: [] },
    { type: "TOOL_CALL_RESULT", messageId: "r", toolCallId: "c", content: "noon" },
  ].map((event) => ({ ...event, subagentRunId: "s" }));
  const own = [
    { type: "SUBAGENT_STARTED", subagentRunId: "s", name: "expert" },
    { type: "TOOL_CALL_START", toolCallId: "c", toolCallName: "clock", subagentRunId: "s" },
    { type: "TOOL_CALL_END", toolCallId: "c", subagentRunId: "s" },
    { type: "SUBAGENT_FINISHED", subagentRunId: "s" },
  ];
  expect(problems(started, ...own, ...late, finished)).toEqual([]);
});

test.each<[string, object[], RegExp]>([
  ["nothing", [], /^3.1 no event came$/],
  ["no RUN_STARTED", [open, said, close, finished], /^2.2 .*before RUN_STARTED$/],
  ["two RUN_STARTED", [started, started, finished], /^2.2 .*a second RUN_STARTED$/],
  [
    "another run's beginning",
    [
      { ...started, runId: "x" },
      { ...finished, runId: "x" },
    ],
    /^2.2 .*run x of t, not r of t$/,
  ],
  ["content outside a message", [started, said, finished], /^2.3 .*text message m is not open$/],
  ["a message opened twice", [started, open, open, close, finished], /^2.3 .*open already$/],
  [
    "a message of a subagent that has ended",
    [
      started,
      { type: "SUBAGENT_STARTED", subagentRunId: "s", name: "expert" },
      { type: "SUBAGENT_FINISHED", subagentRunId: "s" },
      { ...open, subagentRunId: "s" },
      close,
      finished,
    ],
    /^2.3 .*text message m is of subagent s, which has ended$/,
  ],
  ["a message left open", [started, open, said, finished], /^2.4 .*RUN_FINISHED while open: text message m$/],
  ["no terminal event", [started, open, said, close], /^3.1 the response ends without/],
  ["two terminal events", [started, finished, finished], /^2.5 .*after the terminal event RUN_FINISHED$/],
  ["an event after the end", [started, finished, open], /^2.5 .*TEXT_MESSAGE_START after the terminal event/],
  ["another run's end", [started, { ...finished, runId: "other" }], /^2.6 .*run other, but run r was started$/],
  ["an event without its fields", [started, { type: "TEXT_MESSAGE_START" }, finished], /^2.1 .*messageId/],
  ["an unknown type", [started, { type: "NONSENSE" }, finished], /^2.1 .*no AG-UI event/],
])("%s is not, and nothing else is wrong with it", (_name, events, problem) => {
  expect(problems(...events)).toEqual([expect.stringMatching(problem)]);
});

test("what is no JSON is not", () => {
  const sequence = new Sequence();
  sequence.push("{");
  expect(sequence.problems).toEqual([{ id: "1.2", what: "event 1: not JSON: {" }]);
});
