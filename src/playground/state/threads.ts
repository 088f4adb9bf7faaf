/** The conversations that the server keeps. */
import { signal } from "@preact/signals";
import { lineError, requestJson } from "../transport/http.ts";
import type { LineError } from "../transport/transport.ts";
import { base } from "./session.ts";

export interface ThreadInfo {
  readonly threadId: string;
  readonly title?: string;
  readonly agent?: string;
  readonly waiting: boolean;
  readonly active: boolean;
  readonly updatedAt: number;
}

interface Page {
  readonly threads: readonly ThreadInfo[];
  readonly next?: string;
}

export const threads = signal<readonly ThreadInfo[]>([]);
export const threadsError = signal<LineError | undefined>(undefined);
/** The server has more threads than are listed. */
export const moreThreads = signal(false);

const PAGE = 30;
let shown = PAGE;
let latest = 0;

/** Loads the list again, as many threads as before. */
export async function reloadThreads(): Promise<void> {
  latest += 1;
  const asked = latest;
  try {
    const found: ThreadInfo[] = [];
    let next: string | undefined;
    do {
      const url = new URL(`threads?limit=${PAGE}`, base);
      if (next) url.searchParams.set("before", next);
      const page = await requestJson<Page>(url);
      found.push(...page.threads);
      next = page.next;
    } while (next && found.length < shown);
    if (asked !== latest) return; // Another answer is newer.
    threads.value = found;
    moreThreads.value = next !== undefined;
    threadsError.value = undefined;
  } catch (thrown) {
    if (asked === latest) threadsError.value = lineError(thrown);
  }
}

export async function showMoreThreads(): Promise<void> {
  shown += PAGE;
  await reloadThreads();
}
