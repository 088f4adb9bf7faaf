/** Limits on events a minute, and where their numbers are kept: in this process, or in a Redis that several share. */
import type { Redis } from "ioredis";
import { type RateLimiterAbstract, RateLimiterMemory, RateLimiterRedis, RateLimiterRes } from "rate-limiter-flexible";

/**
 * A limit on one kind of event. Both methods resolve with `undefined`, or with the seconds until the next event is
 * allowed.
 */
export interface Rate {
  /** Counts an event, or several. */
  take(key: string, events?: number): Promise<number | undefined>;
  /** Checks whether one more event is allowed, without counting it. */
  ask(key: string): Promise<number | undefined>;
}

/** Makes a limit with a name: each key may have `times` events per minute. */
export type Rates = (name: string, times: number) => Rate;

const DURATION_SECONDS = 60;

/** Counts in this process. */
export const ownRates: Rates = (_name, times) => rateOf(inMemory(times));

/** Counts in Redis, or in this process while Redis is not available. */
export function sharedRates(redis: Redis, prefix: string): Rates {
  return (name, times) =>
    rateOf(
      new RateLimiterRedis({
        storeClient: redis,
        keyPrefix: `${prefix}rate:${name}`,
        points: times,
        duration: DURATION_SECONDS,
        // A client over its limit is refused from memory: its flood does not reach Redis.
        inMemoryBlockOnConsumed: times,
        rejectIfRedisNotReady: true,
        insuranceLimiter: inMemory(times),
      }),
    );
}

function inMemory(times: number): RateLimiterMemory {
  return new RateLimiterMemory({ points: times, duration: DURATION_SECONDS });
}

function rateOf(limiter: RateLimiterAbstract): Rate {
  return {
    async take(key, events = 1) {
      try {
        await limiter.consume(key, events);
        return undefined;
      } catch (refused) {
        if (refused instanceof RateLimiterRes) return secondsOf(refused);
        throw refused;
      }
    },
    async ask(key) {
      const taken = await limiter.get(key);
      return taken && taken.remainingPoints <= 0 ? secondsOf(taken) : undefined;
    },
  };
}

function secondsOf({ msBeforeNext }: RateLimiterRes): number {
  return Math.max(1, Math.ceil(msBeforeNext / 1_000));
}
