/** The one loop that reads a log as it grows. */
import type { Cursor } from "../protocol/cursor.ts";
import type { Topic } from "../protocol/ids.ts";
import type { EventLog, Page } from "./log.ts";

/** The most entries a page holds: enough to catch up quickly, few enough that a slow reader holds little. */
const PAGE_SIZE = 256;

/**
 * Pages of `topic` after `after`, for ever, until `signal` aborts. A page is either entries or a gap; after a gap the
 * reading goes on from the head. The caller's own pace is the only pace: nothing is read ahead.
 */
export async function* follow(
  log: EventLog,
  topic: Topic,
  after: Cursor | null,
  signal: AbortSignal,
): AsyncGenerator<Page, void> {
  let cursor = after;
  // Ends what is armed when the caller stops reading: a log keeps a topic that is waited for.
  const own = new AbortController();
  const either = AbortSignal.any([signal, own.signal]);
  try {
    // Armed before each read, so that an append between the read and the wait is not missed.
    let hint = log.woken(topic, either);
    while (!signal.aborted) {
      const page = await log.read(topic, cursor, PAGE_SIZE);
      if (page.gap !== undefined || page.entries.length > 0) {
        cursor = page.next;
        yield page;
      }
      if (page.gap !== undefined || page.entries.length === PAGE_SIZE) continue;
      await hint;
      hint = log.woken(topic, either);
    }
  } finally {
    own.abort();
  }
}
