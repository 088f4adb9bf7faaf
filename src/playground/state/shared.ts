/** Links to threads: makes and revokes them, and shows the thread of a link, read-only. */
import { framesTransport } from "../transport/frames.ts";
import { lineError, request, requestJson } from "../transport/http.ts";
import { base, threadId, transport, watching } from "./session.ts";
import { showTheme } from "./settings.ts";
import { doorError, listener } from "./start.ts";

export interface Share {
  readonly share: string;
  /** As `Date.now()` counts. */
  readonly madeAt: number;
}

interface Redeemed {
  readonly ticket: string;
  readonly threadId: string;
}

const RETRY_MS = 2_000;

/** @throws LineError */
export async function sharesOf(thread: string): Promise<readonly Share[]> {
  return (await requestJson<{ shares: readonly Share[] }>(sharesUrl(thread))).shares;
}

/**
 * Makes a link to a thread. Only this page knows the link: the server keeps a digest of its secret.
 * @throws LineError
 */
export async function makeLink(thread: string): Promise<string> {
  const { secret } = await requestJson<{ secret: string }>(sharesUrl(thread), { method: "POST" });
  return new URL(`#share=${secret}`, base).href;
}

/** @throws LineError */
export async function revoke(thread: string, { share }: Share): Promise<void> {
  await request(new URL(`shares/${share}`, `${sharesUrl(thread).href.slice(0, -"shares".length)}`), {
    method: "DELETE",
  });
}

function sharesUrl(thread: string): URL {
  return new URL(`threads/${encodeURIComponent(thread)}/shares`, base);
}

/** Follows the thread of a link, read-only. */
export function openShare(secret: string): void {
  watching.value = true;
  showTheme();
  void watch(secret);
}

async function watch(secret: string): Promise<void> {
  const redeem = () => requestJson<Redeemed>(new URL("shares/tickets", base), { method: "POST", body: { secret } });
  try {
    const redeemed = await redeem();
    let first: string | undefined = redeemed.ticket;
    const ticket = async () => {
      const known = first ?? (await redeem()).ticket;
      first = undefined;
      return known;
    };
    const line = framesTransport(base, ticket);
    doorError.value = undefined;
    threadId.value = redeemed.threadId;
    transport.value = line;
    line.follow(redeemed.threadId, {}, listener());
  } catch (thrown) {
    doorError.value = lineError(thrown);
    if (doorError.value.retryable) setTimeout(() => void watch(secret), RETRY_MS);
  }
}
