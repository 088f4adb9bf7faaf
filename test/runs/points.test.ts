import { expect, test } from "vitest";
import { pointsOf } from "../../src/runs/points.ts";
import type { BegunRun, ThreadRecord } from "../../src/store/store.ts";

const threadOf = (...roles: ("user" | "assistant")[]) =>
  ({ messages: roles.map((role, index) => ({ id: `m${index}`, role, content: "" })) }) as unknown as ThreadRecord;
const runsAfter = (...ids: (string | undefined)[]) => ids.map((beginsAfter) => ({ beginsAfter })) as BegunRun[];

test.each<[string, ThreadRecord, BegunRun[]]>([
  ["alone", threadOf("user"), runsAfter(undefined)],
  ["and its run was followed by another", threadOf("user", "user"), runsAfter(undefined, "m0")],
])("the end is a point if nothing answers the user's message before it, %s", (_case, thread, runs) => {
  const { length } = thread.messages;
  expect(pointsOf(thread, runs)[0]).toEqual({ after: `m${length - 1}`, length, repeats: true });
});

test("a point is a place in the transcript, and holds none of its messages", () => {
  const thread = threadOf("user", "assistant", "user", "user", "assistant");
  expect(pointsOf(thread, runsAfter(undefined, "m1"))).toEqual([
    { after: "m3", length: 4, repeats: true },
    { after: "m1", length: 2, repeats: false },
    { after: "m0", length: 1, repeats: true },
    { after: undefined, length: 0, repeats: false },
  ]);
});
