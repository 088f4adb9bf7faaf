/** The output for a run's events, at a terminal and in a pipe. */
import { describe, expect, test } from "vitest";
import { type Layout, PlainLayout, TerminalLayout, type Written } from "../../src/cli/chat/layout.ts";
import { Parts } from "../../src/cli/chat/parts.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";

/** An event, a gap or another question, with its time in milliseconds. */
type Moment = readonly [at: number, event: AguiEvent | "gap" | "asked"];

const started: AguiEvent = { type: EventType.RUN_STARTED, threadId: "t", runId: "r" };
const begin = (messageId: string): AguiEvent => ({ type: EventType.TEXT_MESSAGE_START, messageId, role: "assistant" });
const say = (messageId: string, delta: string): AguiEvent => ({
  type: EventType.TEXT_MESSAGE_CONTENT,
  messageId,
  delta,
});
const end = (messageId: string): AguiEvent => ({ type: EventType.TEXT_MESSAGE_END, messageId });
const thinkBegin = (messageId: string): AguiEvent => ({ type: EventType.REASONING_START, messageId });
const think = (messageId: string, delta: string): AguiEvent => ({
  type: EventType.REASONING_MESSAGE_CONTENT,
  messageId,
  delta,
});
const thinkEnd = (messageId: string): AguiEvent => ({ type: EventType.REASONING_END, messageId });
const call = (toolCallId: string, toolCallName: string): AguiEvent => ({
  type: EventType.TOOL_CALL_START,
  toolCallId,
  toolCallName,
  parentMessageId: "m",
});
const args = (toolCallId: string, delta: string): AguiEvent => ({ type: EventType.TOOL_CALL_ARGS, toolCallId, delta });
const called = (toolCallId: string): AguiEvent => ({ type: EventType.TOOL_CALL_END, toolCallId });
const result = (toolCallId: string, content: string, error?: string): AguiEvent => ({
  type: EventType.TOOL_CALL_RESULT,
  messageId: `result-${toolCallId}`,
  toolCallId,
  content,
  role: "tool",
  ...(error === undefined ? {} : { metadata: { error } }),
});
const custom = (name: string, value: unknown): AguiEvent => ({ type: EventType.CUSTOM, name, value });
const step = (stepName: string): AguiEvent => ({ type: EventType.STEP_STARTED, stepName });
const stepEnd = (stepName: string): AguiEvent => ({ type: EventType.STEP_FINISHED, stepName });
const finished = (fields: object = {}): AguiEvent =>
  ({ type: EventType.RUN_FINISHED, threadId: "t", runId: "r", ...fields }) as AguiEvent;
const failed = (code: string, message: string): AguiEvent => ({ type: EventType.RUN_ERROR, code, message });
const snapshot = (...messages: object[]): AguiEvent => ({ type: EventType.MESSAGES_SNAPSHOT, messages }) as AguiEvent;

/** Asked at 0. */
function written(layout: Layout, moments: readonly Moment[]): Written {
  const parts = new Parts();
  parts.asked(0);
  const all = { stdout: "", stderr: "" };
  for (const [at, event] of moments) {
    if (event === "gap") parts.gap();
    if (event === "asked") parts.asked(at);
    for (const part of typeof event === "string" ? [] : parts.push(event, at)) {
      const { stdout, stderr } = layout.write(part);
      all.stdout += stdout;
      all.stderr += stderr;
    }
  }
  return all;
}

interface Case {
  readonly moments: readonly Moment[];
  readonly terminal: string;
  readonly stdout: string;
  readonly stderr?: string;
}

const CASES: Readonly<Record<string, Case>> = {
  "an answer, and what it took": {
    moments: [
      [5, started],
      [200, begin("m")],
      [200, say("m", "Wa")],
      [300, say("m", "ter, ")],
      [400, say("m", "水 👩‍🚀")],
      [400, end("m")],
      [401, custom("sluice.model_call", { messageId: "m", usage: { inputTokens: 7, outputTokens: 9 } })],
      [405, finished({ usage: [{ inputTokens: 7, outputTokens: 9 }], metadata: { finishReason: "stop" } })],
    ],
    terminal: "Water, 水 👩‍🚀\n\n<dim>stop · 7 tokens in, 9 out · first token 200 ms · 40 tokens/s</dim>\n",
    stdout: "Water, 水 👩‍🚀\n",
  },
  "an answer in one piece, of a model that reports nothing of itself": {
    moments: [
      [2_345, begin("m")],
      [2_345, say("m", "Water.\n")],
      [2_345, end("m")],
      [2_345, finished()],
    ],
    terminal: "Water.\n\n<dim>first token 2.3 s</dim>\n",
    stdout: "Water.\n",
  },
  "no answer at all": {
    moments: [
      [1, started],
      [2, finished()],
    ],
    terminal: "",
    stdout: "",
  },
  "one message after the other": {
    moments: [
      [1, begin("a")],
      [1, say("a", "Let me see.")],
      [1, end("a")],
      [2, begin("b")],
      [2, say("b", "\nSeen.")],
      [2, end("b")],
    ],
    terminal: "Let me see.\n\n\nSeen.",
    stdout: "Let me see.\n\nSeen.",
  },
  "thinking is dim, and not for programs": {
    moments: [
      [10, thinkBegin("m-reasoning")],
      [10, think("m-reasoning", "Hm")],
      [20, think("m-reasoning", ".")],
      [20, thinkEnd("m-reasoning")],
      [110, begin("m")],
      [110, say("m", "Yes.")],
      [110, end("m")],
      [111, custom("sluice.model_call", { messageId: "m", usage: { outputTokens: 11 } })],
      [111, finished({ metadata: { finishReason: "length" } })],
    ],
    terminal: "<dim>Hm</dim><dim>.</dim>\n\nYes.\n\n<dim>length · first token 10 ms · 100 tokens/s</dim>\n",
    stdout: "Yes.\n",
  },
  "a tool's arguments, its result in one line, and the time it took": {
    moments: [
      [10, call("c1", "search")],
      [10, args("c1", '{"q":')],
      [20, args("c1", '"a"}')],
      [20, called("c1")],
      [1_520, result("c1", `one\n  two  ${"😀".repeat(300)}`)],
      [1_530, begin("m")],
      [1_530, say("m", "Found.")],
      [1_530, end("m")],
    ],
    terminal: `<cyan>▸ search</cyan><dim> {"q":"a"}</dim>\n  one two ${"😀".repeat(96)}…<dim> · 1.5 s</dim>\n\nFound.`,
    stdout: "Found.",
    stderr: `search {"q":"a"} gave: one two ${"😀".repeat(96)}… (1.5 s)\n`,
  },
  "tools side by side, one of which fails": {
    moments: [
      [10, call("c1", "a")],
      [10, called("c1")],
      [10, call("c2", "b")],
      [10, called("c2")],
      [12, result("c1", "no such city", "no such city")],
      [90, result("c2", "fine")],
    ],
    terminal:
      "<cyan>▸ a</cyan>\n<cyan>▸ b</cyan>\n" +
      "  <dim>a: </dim><red>no such city</red><dim> · 2 ms</dim>\n  <dim>b: </dim>fine<dim> · 80 ms</dim>\n",
    stdout: "",
    stderr: "a failed: no such city (2 ms)\nb gave: fine (80 ms)\n",
  },
  "a question, whose run and the next count as one, and whose tool is not charged for the person's time": {
    moments: [
      [10, call("c1", "ask")],
      [10, args("c1", "{}")],
      [10, called("c1")],
      [20, finished({ usage: [{ inputTokens: 5, outputTokens: 2 }], outcome: { type: "interrupt", interrupts: [] } })],
      [60_000, started],
      [60_001, result("c1", "yes")],
      [60_002, finished({ usage: [{ inputTokens: 8, outputTokens: 3 }], outcome: { type: "success" } })],
    ],
    terminal: "<cyan>▸ ask</cyan><dim> {}</dim>\n  yes\n<dim>13 tokens in, 5 out · first token 10 ms</dim>\n",
    stdout: "",
    stderr: "ask {} gave: yes\n",
  },
  "a node that says nothing for long, once it is through": {
    moments: [
      [0, step("plan")],
      [999, stepEnd("plan")],
      [1_000, step("research")],
      [13_400, stepEnd("research")],
      [13_400, step("write")],
      [13_500, begin("m")],
      [15_500, say("m", "So.")],
      [15_500, end("m")],
      [15_500, stepEnd("write")],
    ],
    terminal: "<dim>· research · 12 s</dim>\n\nSo.",
    stdout: "So.",
  },
  "what the graph keeps for itself, and nothing of what is for programs": {
    moments: [
      [1, custom("progress", { done: 3 })],
      [1, custom("mark", undefined)],
      [2, custom("sluice.progress", { tokens: 3 })],
      [3, { type: EventType.STATE_SNAPSHOT, snapshot: { plan: [] } }],
      [4, snapshot({ id: "old", role: "assistant", content: "What was said before." })],
    ],
    terminal: '<dim>· progress {"done":3}</dim>\n<dim>· mark</dim>\n',
    stdout: "",
  },
  "an error in the middle of an answer": {
    moments: [
      [1, begin("m")],
      [1, say("m", "I am")],
      [2, end("m")],
      [2, failed("model_error", "The model call failed:\nno credit")],
    ],
    terminal: "I am\n\n<red>model_error: The model call failed: no credit</red>\n",
    stdout: "I am\n",
    stderr: "sluice: model_error: The model call failed: no credit\n",
  },
  "a cancellation, and what it cost": {
    moments: [
      [1, begin("m")],
      [1, say("m", "I am")],
      [2, end("m")],
      [2, finished({ usage: [{ inputTokens: 5, outputTokens: 2 }], outcome: { type: "cancelled" } })],
    ],
    terminal: "I am\n\n<dim>Cancelled.</dim>\n<dim>5 tokens in, 2 out · first token 1 ms</dim>\n",
    stdout: "I am\n",
    stderr: "sluice: Cancelled.\n",
  },
  "branches that talk at the same time, one after the other": {
    moments: [
      [1, begin("a")],
      [1, say("a", "One ")],
      [2, begin("b")],
      [2, say("b", "Red ")],
      [3, thinkBegin("c")],
      [3, think("c", "hm")],
      [3, thinkEnd("c")],
      [4, call("c1", "look")],
      [4, called("c1")],
      [5, say("b", "green")],
      [6, say("a", "two")],
      [7, end("a")],
      [8, say("b", " blue")],
      [9, end("b")],
    ],
    terminal: "One two\n\nRed green blue\n\n<dim>hm</dim>\n\n<cyan>▸ look</cyan>\n",
    stdout: "One two\nRed green blue",
  },
  "a message that is taken up again while it waits for its turn": {
    moments: [
      [1, begin("a")],
      [2, begin("b")],
      [2, say("b", "Red ")],
      [2, end("b")],
      [3, begin("b")],
      [3, say("b", "green")],
      [4, end("b")],
      [5, say("a", "One")],
      [6, end("a")],
    ],
    terminal: "One\n\nRed green",
    stdout: "One\nRed green",
  },
  "a branch that is never done, at the end at last": {
    moments: [
      [1, begin("a")],
      [1, say("a", "One")],
      [2, begin("b")],
      [2, say("b", "Red")],
      [3, failed("graph_error", "lost")],
    ],
    terminal: "One\n\nRed\n\n<red>graph_error: lost</red>\n",
    stdout: "One\nRed\n",
    stderr: "sluice: graph_error: lost\n",
  },
  "an answer as it comes, though the one before it never ended": {
    moments: [
      [1, begin("a")],
      [1, say("a", "One")],
      [2, "asked"],
      [3, begin("b")],
      [3, say("b", "Red")],
    ],
    terminal: "One\n\nRed",
    stdout: "One\nRed",
  },
  "no control characters, wherever they come from": {
    moments: [
      [1, thinkBegin("t")],
      [1, think("t", "a\u001b[31mb")],
      [1, thinkEnd("t")],
      [2, call("c1", "rm\u001b]0;title\u0007")],
      [2, args("c1", "\u009b2J{}\r")],
      [2, called("c1")],
      [2, result("c1", "\u001b[1A\u0008gone\u007f")],
      [3, custom("x\u001b[H", "\u0085\u009b1m")],
      [4, begin("m")],
      [4, say("m", "tab\tand\r\nline\u001b")],
      [4, say("m", "[2Jwhat\u0000 \u{1f600}\u202e")],
      [4, end("m")],
      [5, failed("e\u001bc", "\u001b[5mno")],
    ],
    terminal:
      "<dim>a[31mb</dim>\n\n<cyan>▸ rm]0;title</cyan><dim> 2J{}</dim>\n  [1Agone<dim> · 0 ms</dim>\n" +
      '<dim>· x[H "1m"</dim>\n\ntab\tand\nline[2Jwhat 😀\u202e\n\n<red>ec: [5mno</red>\n',
    stdout: "tab\tand\nline[2Jwhat 😀\u202e\n",
    stderr: "rm]0;title 2J{} gave: [1Agone (0 ms)\nsluice: ec: [5mno\n",
  },
  "after a gap, what is new": {
    moments: [
      [1, begin("a")],
      [1, say("a", "One, ")],
      [2, "gap"],
      [2, started],
      [
        2,
        snapshot(
          { id: "before", role: "assistant", content: "Earlier." },
          { id: "u", role: "user", content: "Count!" },
          { id: "a", role: "assistant", content: "One, two." },
          { id: "b", role: "assistant", content: "Then: " },
        ),
      ],
      [3, begin("c")],
      [3, say("c", "three")],
      [4, "gap"],
      [4, started],
      [
        4,
        snapshot(
          { id: "a", role: "assistant", content: "One, two." },
          { id: "b", role: "assistant", content: "Then: " },
        ),
      ],
      [4, begin("c")],
      [4, say("c", "three, four")],
      [5, say("c", ", five")],
      [6, end("c")],
    ],
    terminal: "One, two.\n\nThen: \n\nthree, four, five",
    stdout: "One, two.\nThen: \nthree, four, five",
  },
  "after a gap, what differs": {
    moments: [
      [1, begin("a")],
      [1, say("a", "One, ")],
      [2, "gap"],
      [2, snapshot()],
      [3, begin("a")],
      [3, say("a", "Uno")],
      [3, say("a", ", due")],
      [3, end("a")],
    ],
    terminal: "One, \n\n<dim>The answer begins again:</dim>\n\nUno, due",
    stdout: "One, \nUno, due",
    stderr: "The answer begins again:\n",
  },
  "what a run takes back, and what it says in its place": {
    moments: [
      [1, begin("a")],
      [1, say("a", "The key is hunter2.")],
      [2, end("a")],
      [3, begin("b")],
      [3, say("b", "Never mind.")],
      [4, end("b")],
      [
        5,
        snapshot(
          { id: "u", role: "user", content: "?" },
          { id: "a", role: "assistant", content: "The key is [removed]." },
        ),
      ],
      [6, snapshot({ id: "a", role: "assistant", content: "The key is [removed]." })],
    ],
    terminal:
      "The key is hunter2.\n\nNever mind.\n\n<dim>The answer begins again:</dim>\n\nThe key is [removed].\n\n<dim>· taken back: Never mind.</dim>\n",
    stdout: "The key is hunter2.\nNever mind.\nThe key is [removed].",
    stderr: "The answer begins again:\n· taken back: Never mind.\n",
  },
};

describe("of a run is shown", () => {
  test.each(Object.entries(CASES))("%s", (_, { moments, terminal, stdout, stderr = "" }) => {
    const layout = new TerminalLayout((look, text) => `<${look}>${text}</${look}>`);
    expect(written(layout, moments)).toEqual({ stdout: terminal, stderr: "" });
    expect(written(new PlainLayout(), moments)).toEqual({ stdout, stderr });
  });
});
