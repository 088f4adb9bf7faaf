import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { NewEntry } from "../../src/log/log.ts";
import { type Answer, Outbox } from "../../src/log/redis/outbox.ts";
import type { Cursor } from "../../src/protocol/cursor.ts";
import { SluiceError } from "../../src/protocol/errors.ts";
import { EventType } from "../../src/protocol/events.ts";
import { entries, entry } from "./entries.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const FROM: Cursor = { epoch: "e", offset: 3 };

/** A Redis that gives the prepared answers, in turn; an error is a connection that broke. */
function outboxOn(...answers: (Answer | Error)[]) {
  return outboxOf(true, ...answers);
}

/** `remembers`: the process still has what Redis acknowledged. */
function outboxOf(remembers: boolean, ...answers: (Answer | Error)[]) {
  const sent: { after: number; epoch: string; jsons: string[] }[] = [];
  const renewed: NewEntry[][] = [];
  const restored: number[] = [];
  const kept: string[] = [];
  const outbox = new Outbox({
    fence: 1,
    from: FROM,
    async send({ epoch, offset: after }, fields) {
      sent.push({ epoch, after, jsons: fields.filter((_, n) => n % 2 === 1) });
      const answer = answers.length > 1 ? answers.shift() : answers[0];
      if (answer instanceof Error) throw answer;
      return answer ?? "ok";
    },
    async keep({ cursor, text }) {
      kept.push(`${cursor.offset} ${text}`);
    },
    async restore({ offset }) {
      restored.push(offset);
      return remembers;
    },
    async renew(unacknowledged) {
      renewed.push([...unacknowledged]);
      return { epoch: "f", offset: 0 };
    },
  });
  return { outbox, sent, renewed, restored, kept };
}

it("sends what waits in one go, after what was acknowledged", async () => {
  const { outbox, sent } = outboxOn("ok");
  outbox.push(entries("a"));
  outbox.push(entries("b", "c"));
  await outbox.flushed();
  outbox.push(entries("d"));
  await outbox.flushed();
  expect(sent).toEqual([
    { epoch: "e", after: 3, jsons: ["a"] },
    { epoch: "e", after: 4, jsons: ["b", "c"] },
    { epoch: "e", after: 6, jsons: ["d"] },
  ]);
  expect(outbox.isEmpty).toBe(true);
});

it("lets deltas that come quickly share a send; anything else, and the first delta after it, leaves at once", async () => {
  const { outbox, sent } = outboxOn("ok");
  const delta = (json: string): NewEntry => ({ ...entry(json), type: EventType.TEXT_MESSAGE_CONTENT, edge: "inside" });
  const jsons = () => sent.map((send) => send.jsons.join(""));
  const answered = () => vi.advanceTimersByTimeAsync(0);
  outbox.push(entries("start"));
  await answered();
  outbox.push([delta("a")]);
  await answered();
  expect(jsons()).toEqual(["start", "a"]);
  outbox.push([delta("b")]);
  await answered();
  outbox.push([delta("c")]);
  await answered();
  expect(jsons()).toEqual(["start", "a"]);
  await vi.advanceTimersByTimeAsync(10);
  expect(jsons()).toEqual(["start", "a", "bc"]);
  // It has waited long enough when it comes.
  outbox.push([delta("d")]);
  await answered();
  outbox.push([delta("e")]);
  outbox.push(entries("end"));
  await answered();
  expect(jsons()).toEqual(["start", "a", "bc", "d", "eend"]);
  outbox.push([delta("f")]);
  outbox.push(entries("comes while f is under way"));
  await answered();
  expect(jsons().slice(-2)).toEqual(["f", "comes while f is under way"]);
});

it("keeps a position when the entries up to it are acknowledged", async () => {
  const { outbox, sent, kept } = outboxOn("ok");
  const at = (offset: number, text: string, epoch = "e") => outbox.keep({ cursor: { epoch, offset }, text });
  at(3, "first");
  await outbox.flushed();
  outbox.push(entries("a"));
  at(4, "one");
  outbox.push(entries("b"));
  at(5, "two");
  await outbox.flushed();
  expect(sent.map(({ jsons }) => jsons)).toEqual([["a"], ["b"]]);
  expect(kept).toEqual(["3 first", "4 one", "5 two"]);
  at(5, "of another epoch", "f");
  await outbox.flushed();
  expect(kept).toHaveLength(3);
});

it("keeps the first and the last of the positions that wait, so that one is kept however far Redis lags", async () => {
  const { outbox, kept } = outboxOn("ok");
  const write = (offset: number) => {
    outbox.push(entries(`${offset}`));
    outbox.keep({ cursor: { epoch: "e", offset }, text: "so far" });
  };
  for (const offset of [4, 5, 6]) write(offset);
  await outbox.flushed();
  expect(kept).toEqual(["4 so far", "6 so far"]);
});

it("repeats the same entries when no answer came", async () => {
  const { outbox, sent } = outboxOn(new Error("gone"), new Error("gone"), "ok");
  outbox.push(entries("a"));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sent.map(({ after, jsons }) => [after, ...jsons])).toEqual([
    [3, "a"],
    [3, "a"],
    [3, "a"],
  ]);
  expect(outbox.isEmpty).toBe(true);
});

it("puts a topic back that Redis has lost, and goes on after it", async () => {
  const { outbox, sent, renewed, restored } = outboxOn("ok", "epoch_lost", "ok");
  outbox.push(entries("a"));
  await outbox.flushed();
  outbox.push(entries("b"));
  await outbox.flushed();
  expect(restored).toEqual([4]);
  expect(renewed).toEqual([]);
  expect(sent.at(-1)).toEqual({ epoch: "e", after: 4, jsons: ["b"] });
});

it("notices without an entry that Redis has lost the topic", async () => {
  const { outbox, sent, restored } = outboxOn("epoch_lost", "ok");
  outbox.probe();
  await outbox.flushed();
  expect(restored).toEqual([3]);
  expect(sent.map(({ jsons }) => jsons)).toEqual([[]]);
});

it.each<[Answer, boolean]>([
  ["epoch_lost", false],
  ["differs", true],
])("begins anew with what is not acknowledged when the topic cannot be put back (%s)", async (answer, remembers) => {
  const { outbox, sent, renewed } = outboxOf(remembers, "ok", answer, "ok");
  outbox.push(entries("a"));
  await outbox.flushed();
  outbox.push(entries("b"));
  await outbox.flushed();
  expect(renewed.map((each) => each.map(({ json }) => json))).toEqual([["b"]]);
  expect(sent.at(-1)).toEqual({ epoch: "f", after: 0, jsons: ["b"] });
});

it("writes nothing more when another owner has the topic", async () => {
  const { outbox, sent } = outboxOn("owner_lost");
  outbox.push(entries("a"));
  await outbox.flushed();
  outbox.push(entries("b"));
  await outbox.flushed();
  expect(sent).toHaveLength(1);
  await expect(outbox.room()).rejects.toMatchObject({ code: "owner_lost" });
});

it("writes nothing more when another owner takes the topic while it is put back", async () => {
  const send = async () => "epoch_lost" as const;
  const restore = () => Promise.reject(new SluiceError("owner_lost"));
  const renew = async () => FROM;
  const outbox = new Outbox({ fence: 1, from: FROM, keep: async () => {}, send, restore, renew });
  outbox.push(entries("a"));
  await outbox.flushed();
  expect(outbox.lost).toMatchObject({ code: "owner_lost" });
});

it("has room while Redis is away for a short time, and none after ten seconds", async () => {
  const { outbox } = outboxOn(new Error("gone"));
  outbox.push(entries("a"));
  await vi.advanceTimersByTimeAsync(9_000);
  await outbox.room();
  await vi.advanceTimersByTimeAsync(2_000);
  await expect(outbox.room()).rejects.toMatchObject({ code: "storage_unavailable" });
});

it("has no room beyond four MiB until Redis took some", async () => {
  const answers: (Answer | Error)[] = [new Error("gone")];
  const { outbox } = outboxOn(...answers);
  outbox.push([entry("x".repeat(5 * 1024 * 1024))]);
  let room = false;
  const waiting = outbox.room().then(
    () => {
      room = true;
    },
    (error: unknown) => error,
  );
  await vi.advanceTimersByTimeAsync(5_000);
  expect(room).toBe(false);
  await vi.advanceTimersByTimeAsync(6_000);
  expect(await waiting).toMatchObject({ code: "storage_unavailable" });
});

it("keeps on writing after it said that there is no room", async () => {
  const { outbox, sent } = outboxOn(...Array.from({ length: 120 }, () => new Error("gone")), "ok");
  outbox.push(entries("a"));
  await vi.advanceTimersByTimeAsync(11_000);
  await expect(outbox.room()).rejects.toMatchObject({ code: "storage_unavailable" });
  outbox.push(entries("end"));
  await vi.advanceTimersByTimeAsync(5_000);
  expect(sent.at(-1)?.jsons).toContain("end");
  expect(outbox.isEmpty).toBe(true);
});
