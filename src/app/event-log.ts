/** The event log that the settings name. */
import type { Settings } from "../config/settings.ts";
import type { MemoryLogLimits } from "../log/memory.ts";
import type { RedisLog } from "../log/redis/redis-log.ts";
import type { Logger } from "../ops/logger.ts";
import { messageOf } from "../protocol/redact.ts";

export function logLimits(settings: Settings): MemoryLogLimits {
  return {
    maxEvents: settings.LOG_MAX_EVENTS,
    maxBytes: settings.LOG_MAX_BYTES,
    maxTotalBytes: settings.LOG_MAX_TOTAL_BYTES,
    retentionMs: settings.LOG_RETENTION_SECONDS * 1_000,
  };
}

/**
 * Opens the log in Redis when `REDIS_URL` is set. Returns `undefined` when events are kept in memory.
 * @throws Error with one line that says what is wrong with the server. It does not repeat the address, which may hold a
 * password.
 */
export async function openEventLog(settings: Settings, logger: Logger): Promise<RedisLog | undefined> {
  const { REDIS_URL: url, REDIS_PREFIX: prefix } = settings;
  if (!url) return undefined;
  // The client of Redis is loaded only by a process that has one.
  const { RedisLog } = await import("../log/redis/redis-log.ts");
  let opened = false;
  // A failure to open the log is reported once, by the thrown error.
  const failed = (error: Error) => opened && logger.warn({ err: error.message }, "no connection to Redis");
  const log = new RedisLog({ ...logLimits(settings), url, prefix, failed });
  try {
    await log.ready();
    opened = true;
  } catch (error) {
    await log.close();
    throw new Error(messageOf(error), { cause: error });
  }
  return log;
}
