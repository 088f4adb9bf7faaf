/** The tests for every engine of the event log. How much an engine keeps is tested separately. */

import fc from "fast-check";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { follow } from "../../src/log/follow.ts";
import type { EventLog, GapReason, LogEntry, Page } from "../../src/log/log.ts";
import type { Cursor } from "../../src/protocol/cursor.ts";
import { type Topic, threadTopic } from "../../src/protocol/ids.ts";
import { entries, entry, shown } from "./entries.ts";

export interface ContractOptions {
  /** Random interleavings that `follow` is tried with. */
  readonly numRuns?: number;
}

/**
 * The suite. `make` gives a fresh log that keeps the last `maxEvents` entries of a topic, or a few more where an engine
 * trims in blocks.
 */
export function eventLogContract(
  name: string,
  make: (maxEvents: number) => EventLog | Promise<EventLog>,
  { numRuns = 200 }: ContractOptions = {},
): void {
  describe(`the event log in ${name}`, () => {
    let log: EventLog;
    let topic: Topic;
    let other: Topic;
    let topics = 0;
    /** A topic nobody has used: an engine outside the process may keep those of earlier tests. */
    const newTopic = () => threadTopic(`contract ${process.pid} ${Date.now()} ${++topics}`);

    beforeEach(async () => {
      log = await make(1_000);
      topic = newTopic();
      other = newTopic();
    });
    afterEach(() => log.close());

    async function offsetsAfter(after: Cursor | null, limit = 100): Promise<number[]> {
      return (await log.read(topic, after, limit)).entries.map(({ offset }) => offset);
    }

    it("may be cut off: readers begin no earlier, and those who read already read on", async () => {
      const cursor = await log.append(topic, 1, entries("a", "b", "c"));
      const at = (offset: number) => ({ ...cursor, offset });
      expect(await log.mayBegin(topic, at(0))).toBe(true);
      await log.cutOff(topic, at(2));
      await log.cutOff(topic, at(1));
      expect(await Promise.all([0, 1, 2, 3].map((offset) => log.mayBegin(topic, at(offset))))).toEqual([
        false,
        false,
        true,
        true,
      ]);
      expect(await offsetsAfter(at(0))).toEqual([1, 2, 3]);
      expect(await log.mayBegin(other, at(0))).toBe(true);
      // Another epoch is always a gap.
      expect(await log.mayBegin(topic, { epoch: "other", offset: 0 })).toBe(true);
    });

    describe("append", () => {
      it("gives dense offsets from 1, and the last one's cursor", async () => {
        const first = await log.append(topic, 1, entries("a"));
        const second = await log.append(topic, 1, entries("b", "c"));
        expect(first).toEqual({ epoch: expect.stringMatching(/^[A-Za-z0-9]{1,32}$/), offset: 1 });
        expect(second).toEqual({ epoch: first.epoch, offset: 3 });
        const { entries: read } = await log.read(topic, null, 10);
        expect(shown(read)).toEqual(["1=a", "2=b", "3=c"]);
      });

      it("keeps an entry whole", async () => {
        const full = {
          json: '{"type":"TEXT_MESSAGE_START","text":"ü 🧵 \\u2028"}',
          type: "TEXT_MESSAGE_START" as LogEntry["type"],
          runId: "r ü",
          span: "text:m",
          edge: "open" as const,
          provenance: {
            events: ["on_chat_model_stream" as const],
            node: "writer",
            name: "model",
            tags: ["a", "b"],
            depth: 2,
          },
        };
        await log.append(topic, 1, [full, entry("bare")]);
        const { entries: read } = await log.read(topic, null, 10);
        expect(read).toEqual([
          { ...full, offset: 1 },
          { ...entry("bare"), offset: 2 },
        ]);
      });

      it("keeps topics apart, with an epoch each", async () => {
        const here = await log.append(topic, 1, entries("a", "b"));
        const there = await log.append(other, 1, entries("x"));
        expect(there.offset).toBe(1);
        expect(there.epoch).not.toBe(here.epoch);
        expect(shown((await log.read(other, null, 10)).entries)).toEqual(["1=x"]);
        expect(await log.read(topic, there, 10)).toMatchObject({ gap: "epoch" });
      });

      it("of several writers at once lets none lose an entry or tear another's apart", async () => {
        const batches = Array.from({ length: 20 }, (_, n) => entries(`${n}a`, `${n}b`, `${n}c`));
        await Promise.all(batches.map((batch) => log.append(topic, 1, batch)));
        const { entries: read } = await log.read(topic, null, 100);
        expect(read.map(({ offset }) => offset)).toEqual(Array.from({ length: 60 }, (_, n) => n + 1));
        for (let at = 0; at < 60; at += 3) {
          const batch = read.slice(at, at + 3).map(({ json }) => json);
          const n = Number.parseInt(batch[0] ?? "", 10);
          expect(batch).toEqual([`${n}a`, `${n}b`, `${n}c`]);
        }
      });
    });

    describe("read", () => {
      it("of a topic that was never written is empty", async () => {
        expect(await log.read(topic, null, 10)).toMatchObject({ entries: [] });
        expect((await log.read(topic, null, 10)).gap).toBeUndefined();
        expect(await log.head(topic)).toBeUndefined();
      });

      it("goes on where its cursor stands", async () => {
        const { epoch } = await log.append(topic, 1, entries("a", "b", "c"));
        expect(await offsetsAfter(null)).toEqual([1, 2, 3]);
        expect(await offsetsAfter({ epoch, offset: 0 })).toEqual([1, 2, 3]);
        expect(await offsetsAfter({ epoch, offset: 1 })).toEqual([2, 3]);
        expect(await offsetsAfter({ epoch, offset: 3 })).toEqual([]);
      });

      it("comes in pages, each with the cursor of the next", async () => {
        const head = await log.append(topic, 1, entries("a", "b", "c", "d", "e"));
        let cursor: Cursor | null = null;
        const pages: string[][] = [];
        for (;;) {
          const page: Awaited<ReturnType<EventLog["read"]>> = await log.read(topic, cursor, 2);
          expect(page.gap).toBeUndefined();
          expect(page.epoch).toBe(head.epoch);
          cursor = page.next;
          if (page.entries.length === 0) break;
          pages.push(shown(page.entries));
        }
        expect(pages).toEqual([["1=a", "2=b"], ["3=c", "4=d"], ["5=e"]]);
        expect(cursor).toEqual(head);
      });

      it("does not change what it gave when more is appended", async () => {
        await log.append(topic, 1, entries("a"));
        const page = await log.read(topic, null, 10);
        await log.append(topic, 1, entries("b"));
        expect(shown(page.entries)).toEqual(["1=a"]);
      });
    });

    describe("open", () => {
      it("names the position before a topic's first entry", async () => {
        const start = await log.open(topic);
        expect(start.offset).toBe(0);
        expect(await log.read(topic, start, 10)).toMatchObject({ entries: [], next: start });
        expect((await log.read(topic, start, 10)).gap).toBeUndefined();
        const head = await log.append(topic, 1, entries("a"));
        expect(head).toEqual({ epoch: start.epoch, offset: 1 });
        expect(shown((await log.read(topic, start, 10)).entries)).toEqual(["1=a"]);
      });

      it("gives the head of a topic that there is", async () => {
        const head = await log.append(topic, 1, entries("a", "b"));
        expect(await log.open(topic)).toEqual(head);
        expect(await log.open(topic)).toEqual(head);
      });

      it("after a drop is a position in another log", async () => {
        const start = await log.open(topic);
        await log.drop(topic);
        expect(await log.read(topic, start, 10)).toMatchObject({ gap: "epoch" });
        expect((await log.open(topic)).epoch).not.toBe(start.epoch);
      });
    });

    it("head is the last entry's position", async () => {
      const cursor = await log.append(topic, 1, entries("a", "b"));
      expect(await log.head(topic)).toEqual(cursor);
    });

    describe("a gap", () => {
      async function gapAfter(after: Cursor): Promise<GapReason | undefined> {
        const page = await log.read(topic, after, 10);
        if (page.gap) expect(page.entries).toEqual([]);
        return page.gap;
      }

      it("is `epoch` for a cursor of another log", async () => {
        await log.append(topic, 1, entries("a", "b"));
        expect(await gapAfter({ epoch: "other", offset: 1 })).toBe("epoch");
        expect(await gapAfter({ epoch: "other", offset: 0 })).toBe("epoch");
      });

      it("is `epoch` for a cursor into a topic that is gone", async () => {
        expect(await gapAfter({ epoch: "other", offset: 1 })).toBe("epoch");
        expect(await gapAfter({ epoch: "other", offset: 0 })).toBe("epoch");
      });

      it("is `ahead` for a cursor past the head", async () => {
        const { epoch } = await log.append(topic, 1, entries("a", "b"));
        expect(await gapAfter({ epoch, offset: 3 })).toBe("ahead");
        expect(await gapAfter({ epoch, offset: 2 })).toBeUndefined();
      });

      it("is `window` for a cursor whose next entry was trimmed", async () => {
        await log.close();
        log = await make(10);
        let head = await log.append(topic, 1, entries("0"));
        for (let n = 1; n < 500; n += 1) head = await log.append(topic, 1, entries(String(n)));
        const kept = await offsetsAfter(null, 1_000);
        expect(kept.at(-1)).toBe(500);
        expect(kept.length).toBeGreaterThanOrEqual(10);
        expect(kept.length).toBeLessThan(500);
        const oldest = kept[0] as number;
        const { epoch } = head;
        expect(await gapAfter({ epoch, offset: oldest - 2 })).toBe("window");
        expect(await gapAfter({ epoch, offset: 0 })).toBe("window");
        expect(await offsetsAfter({ epoch, offset: oldest - 1 }, 1_000)).toEqual(kept);
      });

      it("names where to read on from", async () => {
        const head = await log.append(topic, 1, entries("a", "b"));
        const { gap, next } = await log.read(topic, { epoch: "other", offset: 7 }, 10);
        expect(gap).toBe("epoch");
        expect(next).toEqual(head);
      });
    });

    describe("claim", () => {
      it("names the position after which the owner's entries come, in a topic that is there or not", async () => {
        const start = await log.claim(topic, 1);
        expect(start.offset).toBe(0);
        const head = await log.append(topic, 1, entries("a", "b"));
        expect(head).toEqual({ epoch: start.epoch, offset: 2 });
        expect(await log.claim(topic, 2)).toEqual(head);
        expect(await log.append(topic, 2, entries("c"))).toEqual({ epoch: start.epoch, offset: 3 });
        expect(shown((await log.read(topic, start, 10)).entries)).toEqual(["1=a", "2=b", "3=c"]);
      });

      it("keeps earlier owners out before anything was written", async () => {
        await log.claim(topic, 2);
        await expect(async () => log.append(topic, 1, entries("a"))).rejects.toMatchObject({ code: "owner_lost" });
        await expect(log.claim(topic, 1)).rejects.toMatchObject({ code: "owner_lost" });
        await log.claim(topic, 2);
      });

      it("anew begins another epoch, and readers of the old one meet a gap", async () => {
        const old = await log.append(topic, 1, entries("a", "b"));
        const start = await log.claim(topic, 2, true);
        expect(start.offset).toBe(0);
        expect(start.epoch).not.toBe(old.epoch);
        expect(await log.read(topic, old, 10)).toMatchObject({ gap: "epoch", next: start });
        await log.append(topic, 2, entries("c"));
        expect(await offsetsAfter(start)).toEqual([1]);
      });
    });

    describe("a kept position", () => {
      const keep = (cursor: Cursor, text: string, fence = 1) => log.keepPosition(topic, fence, { cursor, text });

      it("is replaced by the next, and lost with the next claim and with the topic", async () => {
        const cursor = await log.append(topic, 1, entries("a"));
        expect(await log.keptPosition(topic)).toBeUndefined();
        keep(cursor, "ü one");
        expect(await log.keptPosition(topic)).toEqual({ cursor, text: "ü one" });
        const next = await log.append(topic, 1, entries("b"));
        keep(next, "two");
        await log.settled(topic);
        expect(await log.keptPosition(topic)).toEqual({ cursor: next, text: "two" });
        expect(await log.keptPosition(other)).toBeUndefined();
        await log.claim(topic, 2);
        expect(await log.keptPosition(topic)).toBeUndefined();
        keep(next, "three", 2);
        await log.drop(topic);
        expect(await log.keptPosition(topic)).toBeUndefined();
      });

      it("is not written for an owner that was replaced, or in another epoch", async () => {
        const cursor = await log.append(topic, 1, entries("a"));
        await log.claim(topic, 2);
        keep(cursor, "stale");
        keep({ ...cursor, epoch: "other" }, "other", 2);
        await log.settled(topic);
        expect(await log.keptPosition(topic)).toBeUndefined();
      });
    });

    describe("a fence", () => {
      it("keeps an owner out that was replaced, and writes nothing of it", async () => {
        await log.append(topic, 1, entries("a"));
        await log.append(topic, 2, entries("b"));
        await expect(async () => log.append(topic, 1, entries("stale 1", "stale 2"))).rejects.toMatchObject({
          code: "owner_lost",
        });
        expect(shown((await log.read(topic, null, 10)).entries)).toEqual(["1=a", "2=b"]);
        await log.append(topic, 2, entries("c"));
        expect(await offsetsAfter(null)).toEqual([1, 2, 3]);
      });

      it("counts for one topic alone", async () => {
        await log.append(other, 5, entries("x"));
        expect(await log.append(topic, 1, entries("a"))).toMatchObject({ offset: 1 });
      });
    });

    describe("drop", () => {
      it("forgets, and begins a new epoch", async () => {
        const before = await log.append(topic, 1, entries("a", "b"));
        await log.drop(topic);
        expect(await log.head(topic)).toBeUndefined();
        expect(await log.read(topic, before, 10)).toMatchObject({ gap: "epoch", entries: [] });
        const after = await log.append(topic, 1, entries("c"));
        expect(after.offset).toBe(1);
        expect(after.epoch).not.toBe(before.epoch);
        expect(await log.read(topic, before, 10)).toMatchObject({ gap: "epoch", entries: [], next: after });
      });

      it("leaves other topics alone", async () => {
        await log.append(topic, 1, entries("a"));
        await log.append(other, 1, entries("x"));
        await log.drop(topic);
        expect(shown((await log.read(other, null, 10)).entries)).toEqual(["1=x"]);
      });

      it("of what is not there does nothing", async () => {
        await expect(log.drop(topic)).resolves.toBeUndefined();
      });
    });

    describe("watch", () => {
      it("hands over what is appended, within the append, to everybody who watches", async () => {
        const from = await log.claim(topic, 1);
        const handed: string[][] = [[], []];
        const unwatch = handed.map((seen) =>
          log.watch(topic, (appended) => {
            if (appended) seen.push(`${appended.epoch === from.epoch}`, ...shown(appended.entries));
          }),
        );
        await log.append(topic, 1, entries("a", "b"));
        unwatch[1]?.();
        await log.append(topic, 1, entries("c"));
        unwatch[0]?.();
        await log.append(topic, 1, entries("d"));
        expect(handed).toEqual([
          ["true", "1=a", "2=b", "true", "3=c"],
          ["true", "1=a", "2=b"],
        ]);
        expect(log.size.followed).toBe(0);
      });

      it("calls without a page when a topic goes", async () => {
        await log.append(topic, 1, entries("a"));
        await new Promise<void>((resolve) => {
          const unwatch = log.watch(topic, (appended) => {
            if (appended) return;
            unwatch();
            resolve();
          });
          void log.drop(topic);
        });
      });
    });

    describe("follow", () => {
      /** The pages that a reader gets, until the signal aborts. */
      function reading(after: Cursor | null) {
        const controller = new AbortController();
        const pages: Page[] = [];
        const over = follow(log, topic, after, controller.signal, async (page) => {
          pages.push(page);
          return page.next;
        });
        return { pages, over, stop: () => controller.abort() };
      }

      it("gives what is there, then what comes", async () => {
        await log.append(topic, 1, entries("a", "b"));
        const { pages, over, stop } = reading(null);
        await expect.poll(() => pages.length).toBe(1);
        await log.append(topic, 1, entries("c"));
        await expect.poll(() => pages.length).toBe(2);
        expect(pages.map((page) => shown(page.entries))).toEqual([["1=a", "2=b"], ["3=c"]]);
        stop();
        await over;
        expect(log.size.followed).toBe(0);
      });

      it("gives a gap as a page, and goes on from the head", async () => {
        await log.append(topic, 1, entries("a", "b"));
        const { pages, over, stop } = reading({ epoch: "other", offset: 9 });
        await expect.poll(() => pages.length).toBe(1);
        expect(pages[0]).toMatchObject({ gap: "epoch", entries: [] });
        await log.append(topic, 1, entries("c"));
        await expect.poll(() => pages.length).toBe(2);
        expect(shown(pages[1]?.entries ?? [])).toEqual(["3=c"]);
        stop();
        await over;
      });

      it("goes on from where its reader says, and ends when the reader wants nothing more", async () => {
        const { epoch } = await log.append(topic, 1, entries("a", "b", "c"));
        const seen: string[][] = [];
        await follow(
          log,
          topic,
          { epoch: "other", offset: 9 },
          new AbortController().signal,
          async ({ gap, entries }) => {
            seen.push(shown(entries));
            return gap === undefined ? undefined : { epoch, offset: 1 };
          },
        );
        expect(seen).toEqual([[], ["2=b", "3=c"]]);
        expect(log.size.followed).toBe(0);
      });

      it("fails with the error of its reader, whether it reads a page or takes one", async () => {
        const { epoch } = await log.append(topic, 1, entries("a"));
        const fails = () => {
          throw new Error("cannot");
        };
        const { signal } = new AbortController();
        await expect(follow(log, topic, { epoch, offset: 0 }, signal, fails)).rejects.toThrow("cannot");
        let reads = 0;
        const readsOn = async ({ next }: Page) => {
          reads += 1;
          return next;
        };
        const failing = follow(log, topic, { epoch, offset: 0 }, signal, readsOn, fails);
        await expect.poll(() => reads).toBe(1);
        await Promise.all([expect(failing).rejects.toThrow("cannot"), log.append(topic, 1, entries("b"))]);
        expect(log.size.followed).toBe(0);
      });

      it("never loses, doubles or reorders an entry, however appends and reads interleave", async () => {
        const batches = fc.array(fc.integer({ min: 1, max: 600 }), { minLength: 1, maxLength: 12 });
        const starts = fc.array(fc.nat(), { minLength: 1, maxLength: 3 });
        await fc.assert(
          fc.asyncProperty(fc.scheduler(), batches, starts, async (scheduler, sizes, seeds) => {
            await log.close();
            log = await make(10_000);
            const raced = log;
            const where = newTopic();
            const total = sizes.reduce((sum, size) => sum + size, 0);
            const { epoch } = await raced.append(where, 1, entries("first"));
            const readers = seeds.map(async (seed) => {
              const after = seed % 2; // from before the first entry, or from after it
              const controller = new AbortController();
              const seen: number[] = [];
              let offered = 0;
              // Takes some pages but not others. Its remaining entries are read later.
              const take = (page: Page) => {
                offered += 1;
                if (seed % 3 === 0 || (seed + offered) % 5 === 0 || page.next.offset === total + 1) return false;
                seen.push(...page.entries.map(({ offset }) => offset));
                return true;
              };
              const read = async (page: Page) => {
                expect(page.gap).toBeUndefined();
                seen.push(...page.entries.map(({ offset }) => offset));
                if (seen.at(-1) === total + 1) return undefined;
                await scheduler.schedule(Promise.resolve(), "reader");
                return page.next;
              };
              await follow(raced, where, { epoch, offset: after }, controller.signal, read, take);
              expect(seen).toEqual(Array.from({ length: total + 1 - after }, (_, n) => n + 1 + after));
            });
            const writer = (async () => {
              for (const size of sizes) {
                await scheduler.schedule(Promise.resolve(), "writer");
                await raced.append(
                  where,
                  1,
                  Array.from({ length: size }, () => entry("x")),
                );
              }
            })();
            await scheduler.waitFor(Promise.all([writer, ...readers]));
          }),
          { numRuns },
        );
      });

      it("gives a reader the suffix from any cursor", async () => {
        const { epoch } = await log.append(
          topic,
          1,
          Array.from({ length: 600 }, (_, n) => entry(String(n + 1))),
        );
        for (const after of [0, 1, 255, 256, 257, 599]) {
          const seen: string[] = [];
          const controller = new AbortController();
          await follow(log, topic, { epoch, offset: after }, controller.signal, async (page) => {
            seen.push(...page.entries.map(({ json }) => json));
            return seen.at(-1) === "600" ? undefined : page.next;
          });
          expect(seen).toEqual(Array.from({ length: 600 - after }, (_, n) => String(after + n + 1)));
        }
      });
    });
  });
}
