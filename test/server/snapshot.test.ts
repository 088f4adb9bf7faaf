/** The bound on what a late reader is sent of a long thread. */
import { expect, it } from "vitest";
import { EventType, type Message } from "../../src/protocol/events.ts";
import { SNAPSHOT_MAX_BYTES, snapshotOf } from "../../src/server/snapshot.ts";
import { startSluice } from "../support/sluice.ts";
import { postRun, userInput } from "../support/sse-client.ts";
import { chatGraph, SteppedModel } from "../support/stepped-model.ts";
import { verifyRun } from "../support/verify.ts";

const KB = 1_024;
const asked = (id: string, content = "?"): Message => ({ id, role: "user", content });
const said = (id: string, content = "!"): Message => ({ id, role: "assistant", content });
const called: Message[] = [
  { id: "c", role: "assistant", toolCalls: [{ id: "t", type: "function", function: { name: "f", arguments: "{}" } }] },
  { id: "r", role: "tool", toolCallId: "t", content: "x".repeat(KB) },
];
const ids = (messages: readonly Message[], maxBytes?: number) =>
  snapshotOf(messages, maxBytes).map((event) => {
    if (event.type === EventType.MESSAGES_SNAPSHOT) return event.messages.map(({ id }) => id).join(" ");
    return event.type === EventType.CUSTOM ? { [event.name]: event.value } : event.type;
  });

it.each([
  ["nothing of an empty thread", [], KB, [""]],
  ["all that fits", [asked("a"), said("b"), asked("c")], KB, ["a b c"]],
  ["whole turns, the newest", [asked("a"), ...called, said("d"), asked("e"), said("f")], KB, ["e f", omits(4)]],
  ["the last turn in any case", [asked("a"), said("b"), asked("d"), ...called], KB, ["d c r", omits(2)]],
  ["a thread of one turn in any case", [asked("a"), ...called, said("d")], KB, ["a c r d"]],
  ["bytes, not characters", [asked("a", "ä".repeat(300)), said("b", "ä".repeat(300)), asked("c")], KB, ["c", omits(2)]],
])("holds %s", (_, messages, maxBytes, expected) => {
  expect(ids(messages, maxBytes)).toEqual(expected);
});

it("a late reader of a thread beyond the bound gets its newest turns, and hears what is missing", async () => {
  const answers = ["one", "two", "three"].map((word) => `${word} `.padEnd(SNAPSHOT_MAX_BYTES * 0.4, "."));
  const model = new SteppedModel();
  const sluice = await startSluice({ long: { graph: chatGraph(model) } });
  try {
    for (const answer of answers) {
      model.say(answer).end();
      await (await postRun(sluice.url, userInput("more", { threadId: "t" }))).done;
    }
    const connect = await postRun(sluice.url, userInput("", { threadId: "t" }), "/agui/agent/long/connect");
    const events = await connect.done;
    await verifyRun(events);
    const snapshot = events.find(({ type }) => type === EventType.MESSAGES_SNAPSHOT);
    expect(JSON.stringify(snapshot).length).toBeLessThan(SNAPSHOT_MAX_BYTES);
    expect(snapshot).toMatchObject({
      messages: [{ role: "user" }, { content: answers[1] }, { role: "user" }, { content: answers[2] }],
    });
    expect(events.find(({ type }) => type === EventType.CUSTOM)).toMatchObject({
      name: "sluice.omitted",
      value: { messages: 2 },
    });
    const { messages } = (await (await fetch(`${sluice.url}/threads/t/messages`)).json()) as { messages: unknown[] };
    expect(messages).toHaveLength(6);
  } finally {
    await sluice.close();
  }
}); // It carries some 10 MB.

function omits(messages: number) {
  return { "sluice.omitted": { messages } };
}
