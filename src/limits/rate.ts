/** How often something may happen a minute. The one place that says where the numbers are kept: in this process. */
import { RateLimiterMemory, RateLimiterRes } from "rate-limiter-flexible";

/** Resolves with nothing, or with the seconds until it may happen again. */
export type Rate = (key: string) => Promise<number | undefined>;

export function perMinute(times: number): Rate {
  const limiter = new RateLimiterMemory({ points: times, duration: 60 });
  return async (key) => {
    try {
      await limiter.consume(key);
      return undefined;
    } catch (refused) {
      if (refused instanceof RateLimiterRes) return Math.max(1, Math.ceil(refused.msBeforeNext / 1_000));
      throw refused;
    }
  };
}
