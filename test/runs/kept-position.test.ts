/** The position that is stored besides the log while a run has more entries than the log keeps. */
import { beforeEach, describe, expect, it } from "vitest";
import { NotShared } from "../../src/log/log.ts";
import { MemoryLog } from "../../src/log/memory.ts";
import type { Cursor } from "../../src/protocol/cursor.ts";
import { SluiceError } from "../../src/protocol/errors.ts";
import { type AguiEvent, EventType, type Message } from "../../src/protocol/events.ts";
import { threadTopic } from "../../src/protocol/ids.ts";
import { foldedRun } from "../../src/runs/folded-run.ts";
import { PositionKeeper } from "../../src/runs/kept-position.ts";
import type { RunPlan } from "../../src/runs/run-plan.ts";
import { ThreadTopic } from "../../src/runs/thread-topic.ts";
import { MemoryStore } from "../../src/store/memory.ts";
import type { BegunRun } from "../../src/store/store.ts";
import { Transcript } from "../../src/store/transcript.ts";
import { entries } from "../log/entries.ts";
import { altered } from "../support/altered.ts";

/** A position is kept after every tenth entry. */
const MAX_EVENTS = 20;
const topic = threadTopic("t");

class Log extends MemoryLog {
  /** The error of an append, made from its position. */
  failure: ((cursor: Cursor) => Error) | undefined;

  override async append(...args: Parameters<MemoryLog["append"]>) {
    const cursor = await super.append(...args);
    if (this.failure) throw this.failure(cursor);
    return cursor;
  }
}

const delta = (text: string): AguiEvent => ({ type: EventType.TEXT_MESSAGE_CONTENT, messageId: "m", delta: text });
const BEGINNING: readonly AguiEvent[] = [
  { type: EventType.RUN_STARTED, threadId: "t", runId: "r" },
  { type: EventType.TEXT_MESSAGE_START, messageId: "m", role: "assistant" },
];

let log: Log;
beforeEach(() => {
  log = new Log({ maxEvents: MAX_EVENTS, maxBytes: 1e9, maxTotalBytes: 1e9, retentionMs: 60_000 });
});

async function run() {
  const from = await log.claim(topic, 1);
  const plan = {
    threadId: "t",
    runId: "r",
    fence: 1,
    from,
    history: [],
    shown: [],
    ownFrom: 0,
    agent: { maxEventBytes: 1e6 },
  };
  const written = new ThreadTopic(plan as unknown as RunPlan, {
    log,
    waiting: () => [],
    corrected: async () => {},
    shared: true,
    failed: () => {},
  });
  const write = async (...events: AguiEvent[]) => {
    for (const event of events) {
      written.add([event]);
      await written.flushed();
    }
  };
  const begun = { threadId: "t", runId: "r", fence: 1, agent: "a", status: "active", from, beginsAfter: undefined };
  const folded = () => foldedRun(new MemoryStore(10, () => {}), log, begun as unknown as BegunRun);
  await write(...BEGINNING);
  return { from, write, folded };
}

const words = (from: number, to: number) => Array.from({ length: to - from }, (_, n) => `${from + n} `);

describe("a run that says more than the log keeps", () => {
  it("is folded from its position when the log began a new epoch in the middle of it", async () => {
    await log.claim(topic, 0);
    await log.append(topic, 0, entries(...words(0, 3 * MAX_EVENTS)));
    const { from, write, folded } = await run();
    expect(from.offset).toBe(3 * MAX_EVENTS);
    await write(...words(0, 15).map(delta));
    await log.claim(topic, 1, true);
    // Stored at once, because the run's start can no longer be read and no later entry contains its text.
    for (const [n, word] of words(15, 45).entries()) {
      await write(delta(word));
      const { begun, all, cursor } = (await folded()) ?? {};
      expect(begun).toBe(true);
      expect(all?.map(({ content }) => content)).toEqual([words(0, 16 + n).join("")]);
      expect(cursor).toEqual(await log.head(topic));
    }
  });

  it("has no word twice when the log of its own process alone took an append", async () => {
    const { write, folded } = await run();
    log.failure = (cursor) => new NotShared(cursor, undefined);
    await write(...words(0, 15).map(delta));
    expect((await folded())?.all.map(({ content }) => content)).toEqual([words(0, 15).join("")]);
    expect((await log.keptPosition(topic))?.cursor.offset).toBe(10);
  });

  it("keeps no position for what the log did not take", async () => {
    const { write } = await run();
    log.failure = () => new SluiceError("storage_unavailable");
    await write(...words(0, 15).map(delta));
    expect(await log.keptPosition(topic)).toBeUndefined();
  });

  it("is serialized rarely when its part was too large, and keeps a position again when the part is small", async () => {
    const from = await log.claim(topic, 1);
    const plan = { threadId: "t", runId: "r", fence: 1, from, history: [], ownFrom: 0 };
    const keeper = new PositionKeeper(plan as unknown as RunPlan, log);
    let serialized = 0;
    const said = (content: string) => {
      const message: Message = { id: "m", role: "assistant", content };
      const toJSON = () => {
        serialized += 1;
        return message;
      };
      return altered(new Transcript([]), { closed: [Object.assign({ ...message }, { toJSON })] });
    };
    keeper.reached({ ...from, offset: 10 }, said("little"));
    expect(serialized).toBe(1);
    for (const offset of [20, 30, 40]) keeper.reached({ ...from, offset }, said("much".repeat(300_000)));
    expect(serialized).toBe(2);
    expect((await log.keptPosition(topic))?.cursor.offset).toBe(10);
    keeper.wrote("more".repeat(400_000));
    keeper.reached({ ...from, offset: 50 }, said("little"));
    expect((await log.keptPosition(topic))?.cursor.offset).toBe(50);
  });

  it("keeps a position again once a long state is cleared", async () => {
    const { write } = await run();
    await write({ type: EventType.STATE_SNAPSHOT, snapshot: { document: "long ".repeat(250_000) } });
    await write(...words(0, 20).map(delta));
    expect(await log.keptPosition(topic)).toBeUndefined();
    await write({ type: EventType.STATE_SNAPSHOT, snapshot: { document: "" } });
    await write(...words(20, 40).map(delta));
    expect((await log.keptPosition(topic))?.text).toContain(words(0, 25).join(""));
  });
});
