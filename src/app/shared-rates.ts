/** Counts of clients' actions per minute, kept in Redis for several processes. */
import type { Settings } from "../config/settings.ts";
import { type Rates, sharedRates } from "../limits/rate.ts";

export interface SharedRates {
  readonly rates: Rates;
  close(): void;
}

/**
 * Returns `undefined` without `REDIS_URL`: then this process counts alone. It also counts alone while there is no
 * connection.
 */
export async function openSharedRates(settings: Settings): Promise<SharedRates | undefined> {
  const { REDIS_URL: url, REDIS_PREFIX: prefix } = settings;
  if (!url) return undefined;
  const { briefConnection } = await import("../log/redis/connection.ts");
  // Errors are reported by the log, which has a connection to the same server. A first connection that is too slow is
  // not an error.
  const redis = briefConnection({ url, prefix, failed: () => {} });
  await redis.connect().catch(() => {});
  return { rates: sharedRates(redis, prefix), close: () => redis.disconnect() };
}
