import { type Clock, RateLimitError } from "clawdbot";

/** Above this many keys, those that limit nothing any more are dropped. */
const TIDY_AT = 10_000;

/** What the platform allows how often, by key. Both throw RateLimitError, before anything is sent. */
export interface Limits {
  /** Notes a use, unless the key is blocked or was used `most` times within the last windowMs. */
  use(key: string, most?: number, windowMs?: number): void;
  /** The platform has said to wait. */
  block(key: string, ms: number): void;
}

interface Usage {
  blockedUntil: number;
  /** When it was used, of the last window. */
  uses: number[];
}

/** Counts in memory: after a restart the platform's own answer is what limits. */
export function createLimits(clock: Clock): Limits {
  const known = new Map<string, Usage>();

  function usage(key: string): Usage {
    let found = known.get(key);
    if (!found) {
      if (known.size >= TIDY_AT) tidy();
      found = { blockedUntil: 0, uses: [] };
      known.set(key, found);
    }
    return found;
  }

  function tidy(): void {
    const old = clock.monotonic() - 60_000;
    for (const [key, { blockedUntil, uses }] of known) {
      if (blockedUntil < clock.monotonic() && (uses.at(-1) ?? 0) < old) known.delete(key);
    }
  }

  return {
    use(key, most = Number.POSITIVE_INFINITY, windowMs = 0) {
      const now = clock.monotonic();
      const of = usage(key);
      if (of.blockedUntil > now) throw new RateLimitError(of.blockedUntil - now);
      if (most === Number.POSITIVE_INFINITY) return;
      while (of.uses.length > 0 && of.uses[0]! <= now - windowMs) of.uses.shift();
      if (of.uses.length >= most) throw new RateLimitError(of.uses[0]! + windowMs - now);
      of.uses.push(now);
    },
    block(key, ms) {
      usage(key).blockedUntil = clock.monotonic() + ms;
    },
  };
}
