/** The numbers of what clients do a minute, kept for several processes in the Redis that the settings name. */
import type { Settings } from "../config/settings.ts";
import { type Rates, sharedRates } from "../limits/rate.ts";

export interface SharedRates {
  readonly rates: Rates;
  close(): void;
}

/** Nothing without `REDIS_URL`: this process counts alone. So it does while there is no connection. */
export async function openSharedRates(settings: Settings): Promise<SharedRates | undefined> {
  const { REDIS_URL: url, REDIS_PREFIX: prefix } = settings;
  if (!url) return undefined;
  const { briefConnection } = await import("../log/redis/connection.ts");
  // The log has a connection to the same server, and reports what is wrong with that. A busy start may take longer than a
  // command may here.
  const redis = briefConnection({ url, prefix, failed: () => {} });
  await redis.connect().catch(() => {});
  return { rates: sharedRates(redis, prefix), close: () => redis.disconnect() };
}
