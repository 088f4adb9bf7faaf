/** Limits on events a minute. This is the one place that says where the numbers are kept: in this process. */
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

/** Both resolve with nothing, or with the seconds until it may happen again. */
export interface Rate {
  /** It happens. */
  take(key: string): Promise<number | undefined>;
  /** Might it happen once more? */
  ask(key: string): Promise<number | undefined>;
}

export function perMinute(times: number): Rate {
  const limiter = new RateLimiterMemory({ points: times, duration: 60 });
  return {
    async take(key) {
      try {
        await limiter.consume(key);
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
