import type { Clock } from "../clock.ts";

/** Counts things by key within the current minute. */
export interface MinuteCounts {
  /** Counts one more and says how many that makes. */
  add(key: string): number;
}

/** Keys that are told apart within a minute; further ones share one count, so that a flood from everywhere costs no memory. */
const MOST_KEYS = 10_000;

export function createMinuteCounts(clock: Pick<Clock, "monotonic">): MinuteCounts {
  const counts = new Map<string, number>();
  let minute = 0;
  return {
    add(key) {
      const now = Math.floor(clock.monotonic() / 60_000);
      if (now !== minute) {
        minute = now;
        counts.clear();
      }
      const counted = counts.size < MOST_KEYS || counts.has(key) ? key : "";
      const count = (counts.get(counted) ?? 0) + 1;
      counts.set(counted, count);
      return count;
    },
  };
}
