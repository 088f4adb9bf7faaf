import { expect, test } from "vitest";
import { pointsOf } from "../../src/runs/points.ts";
import type { BegunRun, ThreadRecord } from "../../src/store/store.ts";

const threadOf = (...roles: ("user" | "assistant")[]) =>
  ({ messages: roles.map((role, index) => ({ id: `m${index}`, role, content: "" })) }) as unknown as ThreadRecord;
const runsAfter = (...ids: (string | undefined)[]) => ids.map((beginsAfter) => ({ beginsAfter })) as BegunRun[];

test("a point is a place in the transcript, and holds none of its messages", () => {
  const thread = threadOf("user", "assistant", "user", "user", "assistant");
  expect(pointsOf(thread, runsAfter(undefined, "m1"))).toEqual([
    { after: "m3", length: 4, repeats: true },
    { after: "m1", length: 2, repeats: false },
    { after: "m0", length: 1, repeats: true },
    { after: undefined, length: 0, repeats: false },
  ]);
});
