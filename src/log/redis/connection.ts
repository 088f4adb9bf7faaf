/** Connections to Redis, and the errors for their failures. */
import { setTimeout as sleep } from "node:timers/promises";
import { Redis } from "ioredis";
import { SluiceError } from "../../protocol/errors.ts";

export interface RedisOptions {
  /** Like `redis://user:password@host:6379/0`; `rediss:` for TLS. Redis 7 or newer, or Valkey. */
  readonly url: string;
  /** Before each key and channel, so that several deployments can share a server. */
  readonly prefix: string;
  /** Called after a connection failed. The connection is made again automatically. */
  readonly failed: (error: Error) => void;
}

/** A command that Redis did not answer in this time has failed. */
const COMMAND_TIMEOUT_MS = 5_000;

/** A connection that is not made yet. */
export function connection({ url, failed }: RedisOptions): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    commandTimeout: COMMAND_TIMEOUT_MS,
    // A command that was cut off is sent again, so each command must be safe to repeat.
    autoResendUnfulfilledCommands: true,
    maxRetriesPerRequest: null,
    // It would leave the rejection of a subscription that fails to nobody. The log subscribes again itself.
    autoResubscribe: false,
    retryStrategy,
  });
  redis.on("error", failed);
  return redis;
}

/** Closes a connection, and resolves when it is closed. */
export async function disconnect(redis: Redis): Promise<void> {
  // Between two connections there is none to be closed, and none is made any more.
  const isOpen = !["end", "reconnecting"].includes(redis.status);
  const ended = isOpen ? new Promise((resolve) => redis.once("end", resolve)) : undefined;
  redis.disconnect();
  await ended;
}

/** The longest time that a client waits for a number that Redis keeps, in milliseconds. */
const BRIEF_MS = 250;

/**
 * Returns a connection that is not made yet, for commands that must not wait. A command fails after a quarter of a
 * second, or at once while Redis is away. No command is sent again.
 */
export function briefConnection({ url, failed }: RedisOptions): Redis {
  const redis = new Redis(url, {
    lazyConnect: true,
    commandTimeout: BRIEF_MS,
    // The connection to a Redis that hangs is closed, so that commands do not pile up.
    socketTimeout: 4 * BRIEF_MS,
    enableOfflineQueue: false,
    autoResendUnfulfilledCommands: false,
    maxRetriesPerRequest: 0,
    retryStrategy,
  });
  redis.on("error", failed);
  return redis;
}

function retryStrategy(attempt: number): number {
  return Math.min(50 * 2 ** attempt, 1_000);
}

/** @throws Error when Redis cannot be reached, refuses the sign-in, or is older than 7. */
export async function connect(redis: Redis): Promise<void> {
  let why: unknown;
  const note = (error: unknown) => {
    why ??= error;
  };
  redis.once("error", note);
  try {
    await redis.connect();
  } catch (error) {
    // The connection's own error says why. The error of `connect` only says that it is closed.
    throw why ?? error;
  } finally {
    redis.off("error", note);
  }
  const version = /redis_version:(\d+)/.exec(await redis.info("server"))?.[1];
  if (Number(version) < 7) throw new Error(`Redis ${version} is too old: sharded channels need Redis 7.`);
}

/** Milliseconds after which a Redis that does not answer counts as away. Probes do not wait longer. */
const PROBE_MS = 2_000;

/** Does Redis answer? A Redis that hangs keeps its connections. */
export async function answers(redis: Redis): Promise<boolean> {
  if (redis.status !== "ready") return false;
  const answered = redis.ping().then(
    () => true,
    () => false,
  );
  return Promise.race([answered, sleep(PROBE_MS, false, { ref: false })]);
}

/** @throws SluiceError `storage_unavailable` when Redis does not answer, or refuses the command. */
export async function attempt<T>(command: () => Promise<T>): Promise<T> {
  try {
    return await command();
  } catch (error) {
    throw error instanceof SluiceError ? error : new SluiceError("storage_unavailable", undefined, { cause: error });
  }
}

/** @throws SluiceError `storage_unavailable` when it takes longer than a command may. */
export async function withinTime(done: Promise<void>): Promise<void> {
  const late = new AbortController();
  const timeout = sleep(COMMAND_TIMEOUT_MS, "late", { ref: false, signal: late.signal }).catch(() => "in time");
  const first = await Promise.race([done, timeout]);
  late.abort();
  if (first === "late") throw new SluiceError("storage_unavailable");
}

/** Did Redis refuse the command? Otherwise Redis is away, or not ready. */
export function isRefusal(error: unknown): boolean {
  return (
    error instanceof Error && error.name === "ReplyError" && !/^(LOADING|BUSY|READONLY|MASTERDOWN)/.test(error.message)
  );
}
