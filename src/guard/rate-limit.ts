import type { RateLimit } from "./permissions.ts";

/**
 * Counts uses so that in no window, wherever it begins, anybody has more than the limit: it keeps the time of every use. Times
 * come from the caller's monotonic clock.
 *
 * Memory is bounded: when more users than `capacity` are active at once, the further ones share one allowance. They may be told
 * to wait too early, and nobody ever gets more than the limit.
 */
export interface RateLimiter {
  /** Counts one use and returns 0, or counts nothing and returns after how many ms the next use may be allowed. */
  take(user: string, now: number): number;
  /** Takes back the use that was counted at that time. */
  refund(user: string, at: number): void;
}

/** Times of uses that are kept per limiter at most, if all users used up their allowance. */
const KEPT_TIMES = 8_000_000;
const MOST_USERS = 100_000;

export function createRateLimiter(
  { limit, windowMs }: RateLimit,
  capacity: number = Math.min(MOST_USERS, Math.ceil(KEPT_TIMES / limit)),
): RateLimiter {
  // Two generations, each as long as the window: who was not seen for a whole one is forgotten without anybody looking for them.
  let current = new Map<string, number[]>();
  let previous = new Map<string, number[]>();
  let turn = Number.NEGATIVE_INFINITY;
  const shared: number[] = [];

  function turnOver(now: number): void {
    if (now - turn < windowMs) return;
    previous = now - turn < 2 * windowMs ? current : new Map();
    current = new Map();
    turn = now;
  }

  function timesOf(user: string): number[] | undefined {
    const times = current.get(user);
    if (times) return times;
    const before = previous.get(user);
    if (!before) return undefined;
    previous.delete(user);
    current.set(user, before);
    return before;
  }

  function newTimesOf(user: string): number[] {
    if (current.size + previous.size >= capacity) return shared;
    const times: number[] = [];
    current.set(user, times);
    return times;
  }

  function expire(times: number[], now: number): void {
    while (times.length > 0 && now - times[0]! >= windowMs) times.shift();
  }

  return {
    take(user, now) {
      turnOver(now);
      const own = timesOf(user);
      if (own) expire(own, now);
      expire(shared, now);
      // What this user took of the shared allowance is somewhere in it, so all of it counts.
      if ((own?.length ?? 0) + shared.length >= limit) {
        const oldest = Math.min(own?.[0] ?? Number.POSITIVE_INFINITY, shared[0] ?? Number.POSITIVE_INFINITY);
        return Math.max(1, Math.ceil(oldest + windowMs - now));
      }
      (own ?? newTimesOf(user)).push(now);
      return 0;
    },
    refund(user, at) {
      for (const times of [timesOf(user) ?? [], shared]) {
        const index = times.lastIndexOf(at);
        if (index >= 0) return void times.splice(index, 1);
      }
    },
  };
}
