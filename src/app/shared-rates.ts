/** The numbers of what clients do a minute, kept for several processes in the Redis that the settings name. */
import type { Settings } from "../config/settings.ts";
import { type Rates, sharedRates } from "../limits/rate.ts";
import { briefConnection, connect } from "../log/redis/connection.ts";
import { messageOf } from "../protocol/redact.ts";

export interface SharedRates {
  readonly rates: Rates;
  close(): void;
}

/**
 * Nothing without `REDIS_URL`: this process counts alone.
 * @throws Error with one line that says what is wrong with the server, without its address.
 */
export async function openSharedRates(settings: Settings): Promise<SharedRates | undefined> {
  const { REDIS_URL: url, REDIS_PREFIX: prefix } = settings;
  if (!url) return undefined;
  // The log has a connection to the same server, and reports that it is gone.
  const redis = briefConnection({ url, prefix, failed: () => {} });
  try {
    await connect(redis);
  } catch (error) {
    redis.disconnect();
    throw new Error(messageOf(error), { cause: error });
  }
  return { rates: sharedRates(redis, prefix), close: () => redis.disconnect() };
}
