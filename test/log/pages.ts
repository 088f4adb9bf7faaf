import { follow, type Take } from "../../src/log/follow.ts";
import type { EventLog, Page } from "../../src/log/log.ts";
import type { Cursor } from "../../src/protocol/cursor.ts";
import type { Topic } from "../../src/protocol/ids.ts";

/** The pages that a follower reads. The next one is read when it is asked for. */
export async function* pagesOf(
  log: EventLog,
  topic: Topic,
  after: Cursor | null,
  signal: AbortSignal,
  take?: Take,
): AsyncGenerator<Page, void> {
  const left = new AbortController();
  let page: Page | undefined;
  let given = () => {};
  let readOn = () => {};
  const read = (next: Page) => {
    page = next;
    given();
    return new Promise<Cursor>((resolve) => {
      readOn = () => resolve(next.next);
    });
  };
  const following = follow(log, topic, after, AbortSignal.any([signal, left.signal]), read, take);
  try {
    for (;;) {
      if (!page) {
        const next = new Promise<void>((resolve) => {
          given = resolve;
        });
        await Promise.race([next, following]);
      }
      if (!page) return;
      const read = page;
      page = undefined;
      yield read;
      readOn();
    }
  } finally {
    left.abort();
    readOn();
    await following.catch(() => {}); // Reported above, when it is the reader's.
  }
}
