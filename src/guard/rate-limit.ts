import type { RateLimit } from "./permissions.ts";

/**
 * Counts uses so that in no window, wherever it begins, anybody has more than the limit: it keeps the time of every use. Times
 * come from the caller's monotonic clock.
 *
 * Memory is bounded: when more users are active at once than `mostUsers`, or more uses than `mostTimes` would have to be kept, what
 * is beyond shares one allowance. Some may then be told to wait too early, and nobody ever gets more than the limit.
 */
export interface RateLimiter {
  /** Counts one use and returns 0, or counts nothing and returns after how many ms the next use may be allowed. */
  take(user: string, now: number): number;
  /** Takes back the use that was counted at that time. */
  refund(user: string, at: number): void;
}

export function createRateLimiter({ limit, windowMs }: RateLimit, mostUsers = 100_000, mostTimes = 4_000_000): RateLimiter {
  // Two generations, each as long as the window: who was not seen for a whole one is forgotten without anybody looking for them.
  let current = new Map<string, number[]>();
  let previous = new Map<string, number[]>();
  let turn = Number.NEGATIVE_INFINITY;
  const shared: number[] = [];
  /** Times in both generations. */
  let kept = 0;

  function turnOver(now: number): void {
    if (now - turn < windowMs) return;
    for (const times of previous.values()) kept -= times.length;
    if (now - turn >= 2 * windowMs) kept = 0;
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

  function keep(user: string, own: number[] | undefined, now: number): void {
    if (kept >= mostTimes || (!own && current.size + previous.size >= mostUsers)) {
      shared.push(now);
      return;
    }
    kept++;
    if (own) own.push(now);
    else current.set(user, [now]);
  }

  function expire(times: number[], now: number): number {
    let expired = 0;
    while (expired < times.length && now - times[expired]! >= windowMs) expired++;
    if (expired > 0) times.splice(0, expired);
    return expired;
  }

  return {
    take(user, now) {
      turnOver(now);
      const own = timesOf(user);
      if (own) kept -= expire(own, now);
      expire(shared, now);
      // What this user took of the shared allowance is somewhere in it, so all of it counts.
      if ((own?.length ?? 0) + shared.length >= limit) {
        const oldest = Math.min(own?.[0] ?? Number.POSITIVE_INFINITY, shared[0] ?? Number.POSITIVE_INFINITY);
        return Math.max(1, Math.ceil(oldest + windowMs - now));
      }
      keep(user, own, now);
      return 0;
    },
    refund(user, at) {
      const own = timesOf(user);
      if (own && remove(own, at)) kept--;
      else remove(shared, at);
    },
  };
}

function remove(times: number[], at: number): boolean {
  const index = times.lastIndexOf(at);
  if (index >= 0) times.splice(index, 1);
  return index >= 0;
}
