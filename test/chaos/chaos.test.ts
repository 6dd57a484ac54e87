import { expect, test } from "vitest";
import { chaos } from "./chaos.ts";
import { simulatedChannels } from "./stage.ts";

/** The same as `npm run test:chaos`, short. A failure is run again with `npm run test:chaos -- --kills 40 --seed N`. */
test("40 kills at random moments lose nothing, keep the order, and repeat only what was in flight", { timeout: 180_000 }, async () => {
  const seed = Math.floor(Math.random() * 1_000_000);
  const result = await chaos({ kills: 40, seed, channels: await simulatedChannels(), conversations: 20 });
  expect(result.problems, `seed ${seed}`).toEqual([]);
  expect(result.verdict.kills, `seed ${seed}`).toBe(40);
  expect(result.verdict.acked, `seed ${seed}`).toBeGreaterThan(200);
});
