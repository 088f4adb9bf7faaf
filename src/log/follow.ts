/** The one loop that reads a log as it grows. */
import type { Cursor } from "../protocol/cursor.ts";
import type { Topic } from "../protocol/ids.ts";
import type { EventLog, Page } from "./log.ts";

/** The most entries a page holds: enough to catch up quickly, few enough that a slow reader holds little. */
const PAGE_SIZE = 256;

/** Takes a page while it is being appended. `false`: it did not take the page, which is read like any other. */
export type Take = (page: Page) => boolean;

/** A reader that has read to the head, and waits. */
interface Resting {
  readonly wake: () => void;
  readonly fail: (error: unknown) => void;
}

/**
 * Pages of `topic` after `after`, for ever, until `signal` aborts. A page is either entries or a gap; after a gap the
 * reading goes on from the head. The caller's own pace is the only pace: nothing is read ahead. While the reader waits
 * at the head, `take` is offered each append. Entries that it takes are not read again.
 */
export async function* follow(
  log: EventLog,
  topic: Topic,
  after: Cursor | null,
  signal: AbortSignal,
  take: Take = () => false,
): AsyncGenerator<Page, void> {
  let cursor = after;
  let changed = false;
  let resting: Resting | undefined;
  const wake = () => resting?.wake();
  const unwatch = log.watch(topic, (appended) => {
    try {
      if (resting && !signal.aborted && appended && isNext(appended, cursor) && take(appended)) {
        cursor = appended.next;
        return;
      }
    } catch (error) {
      resting?.fail(error);
    }
    changed = true;
    wake();
  });
  signal.addEventListener("abort", wake);
  try {
    while (!signal.aborted) {
      // Before the read, so that an append between the read and the wait is not missed.
      changed = false;
      const page = await log.read(topic, cursor, PAGE_SIZE);
      if (page.gap !== undefined || page.entries.length > 0) {
        cursor = page.next;
        yield page;
      }
      if (page.gap !== undefined || page.entries.length === PAGE_SIZE || changed || signal.aborted) continue;
      await new Promise<void>((resolve, reject) => {
        resting = { wake: resolve, fail: reject };
      });
      resting = undefined;
    }
  } finally {
    unwatch();
    signal.removeEventListener("abort", wake);
  }
}

function isNext({ epoch, entries }: Page, after: Cursor | null): boolean {
  return epoch === after?.epoch && entries[0]?.offset === after.offset + 1;
}
