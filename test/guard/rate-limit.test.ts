import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { createRateLimiter } from "../../src/guard/rate-limit.ts";

/** The most uses in any window [t, t + windowMs), counted the slow way. */
function mostInAnyWindow(times: readonly number[], windowMs: number): number {
  return Math.max(0, ...times.map((start) => times.filter((time) => time >= start && time - start < windowMs).length));
}

const schedule = fc.array(
  fc.record({ wait: fc.integer({ min: 0, max: 400 }), user: fc.constantFrom("a", "b", "c", "d", "e"), refund: fc.boolean() }),
  {
    maxLength: 300,
  },
);

describe("under any schedule", () => {
  test("no window holds more uses of a user than the limit, and a refused use was refused for a reason", () => {
    fc.assert(
      fc.property(schedule, fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 1000 }), (steps, limit, windowMs) => {
        const limiter = createRateLimiter({ limit, windowMs });
        const counted = new Map<string, number[]>();
        let now = 0;
        for (const { wait, user, refund } of steps) {
          now += wait;
          const times = counted.get(user) ?? [];
          counted.set(user, times);
          const inWindow = times.filter((time) => now - time < windowMs);
          const retryAfterMs = limiter.take(user, now);
          expect(retryAfterMs === 0).toBe(inWindow.length < limit);
          if (retryAfterMs > 0) {
            expect(retryAfterMs).toBe(inWindow[0]! + windowMs - now);
          } else if (refund) {
            limiter.refund(user, now);
          } else {
            times.push(now);
          }
        }
        for (const times of counted.values()) expect(mostInAnyWindow(times, windowMs)).toBeLessThanOrEqual(limit);
      }),
    );
  });

  const bounds = fc.constantFrom([2, 1000] as const, [1000, 3] as const);

  test("users and uses beyond what is kept share one allowance: still nobody gets more than the limit", () => {
    fc.assert(
      fc.property(schedule, fc.integer({ min: 1, max: 4 }), fc.integer({ min: 1, max: 1000 }), bounds, (steps, limit, windowMs, most) => {
        const limiter = createRateLimiter({ limit, windowMs }, ...most);
        const counted = new Map<string, number[]>();
        let now = 0;
        for (const { wait, user } of steps) {
          now += wait;
          if (limiter.take(user, now) === 0) counted.set(user, [...(counted.get(user) ?? []), now]);
        }
        for (const times of counted.values()) expect(mostInAnyWindow(times, windowMs)).toBeLessThanOrEqual(limit);
      }),
    );
  });
});

test("the eleventh use of 10/60s is refused until the first one is 60 s old, also across a minute's boundary", () => {
  const limiter = createRateLimiter({ limit: 10, windowMs: 60_000 });
  for (let n = 0; n < 10; n++) expect(limiter.take("u", 59_000 + n)).toBe(0);
  expect(limiter.take("u", 61_000)).toBe(58_000);
  expect(limiter.take("u", 118_999)).toBe(1);
  expect(limiter.take("u", 119_000)).toBe(0);
  expect(limiter.take("u", 119_000)).toBe(1);
});

test("a refund takes back that use and no later one", () => {
  const limiter = createRateLimiter({ limit: 2, windowMs: 100 });
  limiter.take("u", 0);
  limiter.take("u", 50);
  limiter.refund("u", 0);
  expect(limiter.take("u", 60)).toBe(0);
  expect(limiter.take("u", 110)).toBe(40);
  limiter.refund("u", 0);
  expect(limiter.take("u", 110)).toBe(40);
});

test("a user beyond the capacity is served while others are remembered, and has the shared allowance to himself alone", () => {
  const limiter = createRateLimiter({ limit: 1, windowMs: 100 }, 1);
  expect(limiter.take("known", 0)).toBe(0);
  expect(limiter.take("further", 10)).toBe(0);
  expect(limiter.take("another", 20)).toBe(90);
  limiter.refund("further", 10);
  expect(limiter.take("another", 20)).toBe(0);
});

test("uses beyond what is kept are shared until the kept ones have expired", () => {
  const limiter = createRateLimiter({ limit: 2, windowMs: 100 }, 1000, 3);
  for (const user of ["a", "b", "c", "d"]) expect(limiter.take(user, 0)).toBe(0);
  expect(limiter.take("a", 10)).toBe(90);
  limiter.refund("b", 0);
  expect(limiter.take("d", 10)).toBe(0);
  expect(limiter.take("e", 20)).toBe(0);
  for (const user of ["a", "b", "c", "d"]) expect(limiter.take(user, 300)).toBe(0);
});

test("users who are gone for two windows free their room", () => {
  const limiter = createRateLimiter({ limit: 1, windowMs: 100 }, 3);
  for (const user of ["a", "b", "c"]) limiter.take(user, 0);
  limiter.take("a", 100);
  for (const user of ["d", "e"]) expect(limiter.take(user, 200)).toBe(0);
});
