/** Opens everything that outlives a process: in `DATA_DIR` or Postgres, and with `REDIS_URL` in Redis too. */
import { ConfigError } from "../config/config-error.ts";
import type { Settings } from "../config/settings.ts";
import type { RedisLog } from "../log/redis/redis-log.ts";
import type { Logger } from "../ops/logger.ts";
import { messageOf } from "../protocol/redact.ts";
import { openEventLog } from "./event-log.ts";
import { openSharedRates, type SharedRates } from "./shared-rates.ts";
import { openStorage, type Storage } from "./storage.ts";

export interface Backends extends Storage {
  /** Holds the runs' events; absent where they are held in memory. */
  readonly log?: RedisLog | undefined;
  /** Counts clients' actions per minute for several processes. */
  readonly shared?: SharedRates | undefined;
}

/**
 * `nameOf` turns a setting's name into the name that the user wrote.
 * @throws ConfigError with one line that names the setting that is wrong.
 */
export async function openBackends(
  settings: Settings,
  logger: Logger,
  nameOf: (setting: keyof Settings) => string = (setting) => setting,
): Promise<Backends> {
  const inRedis = <T>(opened: Promise<T>): Promise<T> =>
    opened.catch((error: unknown) => {
      throw new ConfigError(`${nameOf("REDIS_URL")}: ${messageOf(error)}`, { cause: error });
    });
  const storage = await storageOf(settings, nameOf);
  let log: RedisLog | undefined;
  let shared: SharedRates | undefined;
  try {
    log = await inRedis(openEventLog(settings, logger));
    shared = await openSharedRates(settings);
    const agreed = !log || !storage.instances || (await inRedis(storage.instances.shareLog(log)));
    if (!agreed) throw new ConfigError(anotherLog(nameOf("DATABASE_URL"), nameOf("REDIS_URL"), nameOf("REDIS_PREFIX")));
    return { ...storage, log, shared };
  } catch (error) {
    await closeBackends({ ...storage, log, shared });
    throw error;
  }
}

export async function closeBackends({ shared, log, store }: Pick<Backends, "shared" | "log" | "store">): Promise<void> {
  shared?.close();
  await log?.close();
  await store.close();
}

async function storageOf(
  { DATA_DIR, DATABASE_URL, REDIS_URL }: Settings,
  nameOf: (setting: keyof Settings) => string,
): Promise<Storage> {
  if (DATABASE_URL !== undefined) {
    const { openPostgres } = await import("./postgres-storage.ts");
    // A process with its own log cannot share threads with other processes.
    return openPostgres(DATABASE_URL, REDIS_URL !== undefined).catch((error: unknown) => {
      throw new ConfigError(`${nameOf("DATABASE_URL")}: ${messageOf(error)}`, { cause: error });
    });
  }
  try {
    return openStorage(DATA_DIR);
  } catch (error) {
    throw new ConfigError(`DATA_DIR=${DATA_DIR}: ${messageOf(error)}`, { cause: error });
  }
}

function anotherLog(database: string, redis: string, prefix: string): string {
  return `${redis}, ${prefix}: other processes that use this ${database} keep their events elsewhere. Use the same ${redis} and ${prefix} for all of them, or another database for this process.`;
}
