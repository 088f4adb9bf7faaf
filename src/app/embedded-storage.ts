/** The places where an app that embeds Sluice keeps threads: in memory, in a folder, or in Postgres and Redis. */
import { type BaseCheckpointSaver, MemorySaver } from "@langchain/langgraph-checkpoint";
import { ConfigError } from "../config/config-error.ts";
import { optionName, type SettingOptions, settingsFrom } from "../config/options.ts";
import { readSettings } from "../config/settings.ts";
import { type Logger, silent, unfailing } from "../ops/logger.ts";
import { messageOf } from "../protocol/redact.ts";
import type { Store } from "../store/store.ts";
import { type Backends, closeBackends, openBackends } from "./backends.ts";
import type { CoreOptions } from "./core.ts";
import { openStorage } from "./storage.ts";

export interface StorageOptions
  extends Pick<SettingOptions, "logMaxEvents" | "logMaxBytes" | "logMaxTotalBytes" | "logRetentionSeconds"> {
  /** A Postgres database (14 or newer), such as `"postgres://user:password@host:5432/database"`. */
  readonly databaseUrl: string;
  /**
   * A Redis (7 or newer), such as `"redis://host:6379/0"`, for events and limits. With it any number of processes may
   * use the database; all need the same Redis. Default: one process at a time uses the database.
   */
  readonly redisUrl?: string | undefined;
  /** The prefix of each key in Redis. Default `"sluice:"`. */
  readonly redisPrefix?: string | undefined;
  /** Logs failures of the connection to Redis. Default: nothing is logged. */
  readonly logger?: Logger | undefined;
}

/** Connections to Postgres and Redis, for one `createSluice`. They keep the process alive until they are closed. */
export interface ConnectedStorage {
  /** Stores the checkpoints of graphs. `createSluice` gives it to graphs that were compiled without a checkpointer. */
  readonly checkpointer: BaseCheckpointSaver;
  /** Closes the connections. `sluice.close()` does that too. */
  close(): Promise<void>;
}

/** The opened storage of each `ConnectedStorage`, until a `createSluice` takes it. */
const connected = new WeakMap<ConnectedStorage, Backends>();

/**
 * Connects to the servers that keep threads, for the option `storage` of `createSluice`. Tables are created or updated.
 * @throws ConfigError with one line that names the option that is wrong, without the password in it.
 */
export async function connectStorage(options: StorageOptions): Promise<ConnectedStorage> {
  const { databaseUrl, redisUrl, redisPrefix, logger = silent, ...limits } = options;
  if (!databaseUrl) throw new ConfigError("connectStorage, databaseUrl: a Postgres database is needed.");
  const urls = { DATABASE_URL: databaseUrl, REDIS_URL: redisUrl, REDIS_PREFIX: redisPrefix };
  const { DATABASE_URL, REDIS_URL, REDIS_PREFIX } = readSettings(urls, optionName);
  const settings = { ...settingsFrom(limits), DATABASE_URL, REDIS_URL, REDIS_PREFIX };
  const backends = await openBackends(settings, unfailing(logger), optionName);
  const storage = { checkpointer: backends.checkpointer, close: () => closeBackends(backends) };
  connected.set(storage, backends);
  return storage;
}

type EmbeddedStorage = Pick<CoreOptions, "store" | "instances" | "log" | "shared" | "items" | "forget"> &
  Pick<Backends, "checkpointer">;

/** The storage for threads, and for the graphs' checkpoints. */
export function storageOf(given: {
  readonly dataDir?: string | undefined;
  readonly store?: Store | undefined;
  readonly storage?: ConnectedStorage | undefined;
}): EmbeddedStorage {
  const { dataDir, store, storage } = given;
  const named = Object.entries({ dataDir, store, storage }).filter(([, value]) => value !== undefined);
  if (named.length > 1) throw new ConfigError(`Set only one of ${named.map(([name]) => name).join(" and ")}.`);
  if (storage) return take(storage);
  if (dataDir === undefined) {
    const checkpointer = new MemorySaver();
    return { store, checkpointer, forget: (threadId: string) => void checkpointer.deleteThread(threadId) };
  }
  try {
    return openStorage(dataDir);
  } catch (error) {
    throw new ConfigError(`dataDir=${JSON.stringify(dataDir)}: ${messageOf(error)}`, { cause: error });
  }
}

function take(storage: ConnectedStorage): Backends {
  const backends = connected.get(storage);
  connected.delete(storage);
  if (!backends) throw new ConfigError("storage: the result of connectStorage is needed, one for each createSluice.");
  return backends;
}
