/** A client's list of the messages that were sent into runs, from the thread's events alone. */
import { expect, it } from "vitest";
import { type InjectedMessage, injectedAfter } from "../../src/client/injected.ts";
import { type AguiEvent, EventType } from "../../src/protocol/events.ts";
import { eventsOf, type InjectedReport, reportOf } from "../../src/protocol/injected.ts";

const RUN = { threadId: "t", runId: "r" };
const report = (state: InjectedReport["state"], messageId = "m"): AguiEvent =>
  reportOf({ messageId, state, ...(state === "taken" ? {} : { content: "Use euros" }) });
const WAITING = { id: "m", content: "Use euros", state: "waiting" } as const;
const STARTED: AguiEvent = { type: EventType.RUN_STARTED, ...RUN };
const FINISHED: AguiEvent = { type: EventType.RUN_FINISHED, ...RUN };

function after(events: readonly AguiEvent[], before: readonly InjectedMessage[] = []) {
  return events.reduce(injectedAfter, before);
}

it.each<[string, readonly AguiEvent[], readonly InjectedMessage[]]>([
  ["waits", [STARTED, report("waiting")], [WAITING]],
  ["is reported twice, and waits once", [report("waiting"), report("waiting")], [WAITING]],
  ["is taken", [report("waiting"), report("taken")], []],
  [
    "is in the thread as soon as its text comes",
    [report("waiting"), ...eventsOf({ ...WAITING, role: "user" }).slice(0, 1)],
    [],
  ],
  ["is returned", [report("waiting"), report("returned"), FINISHED], [{ ...WAITING, state: "returned" }]],
  ["is returned by a run whose end alone was seen", [report("waiting"), FINISHED], [{ ...WAITING, state: "returned" }]],
  [
    "was taken during a gap",
    [
      report("waiting"),
      STARTED,
      { type: EventType.MESSAGES_SNAPSHOT, messages: [{ id: "m", role: "user", content: "Use euros" }] },
      FINISHED,
    ],
    [],
  ],
  [
    "waits beyond a gap",
    [report("waiting"), STARTED, { type: EventType.MESSAGES_SNAPSHOT, messages: [] }, report("waiting")],
    [WAITING],
  ],
  [
    "is sent as the next turn",
    [
      report("returned"),
      {
        ...STARTED,
        input: { ...RUN, messages: [{ id: "m", role: "user", content: "Use euros" }], tools: [], context: [] },
      } as AguiEvent,
    ],
    [],
  ],
])("a message %s", (_, events, left) => {
  expect(after(events)).toEqual(left);
});

it("one that is on its way outlives the end of the run", () => {
  const sending = { ...WAITING, state: "sending" } as const;
  expect(after([FINISHED], [sending])).toEqual([sending]);
});

it("events of other kinds leave the list as it is", () => {
  const list = [WAITING];
  const delta: AguiEvent = { type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: "x" };
  expect(injectedAfter(list, delta)).toBe(list);
});
