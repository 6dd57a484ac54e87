import type { Clock, Random } from "./clock.ts";

/**
 * Makes ids that ascend in the order of the calls, also when the wall clock goes back, and differ between processes:
 * 9 characters of time, 4 of a counter, 5 of this process. Letters and digits only. Not secret.
 */
export function createIds(clock: Clock, random: Random): () => string {
  const process = Math.floor(random.number() * 36 ** 5)
    .toString(36)
    .padStart(5, "0");
  let last = 0;
  let time = "";
  let counter = 0;
  return () => {
    const now = clock.now();
    if (now > last || counter === 36 ** 4) {
      last = Math.max(now, last + 1);
      time = last.toString(36).padStart(9, "0");
      counter = 0;
    }
    return time + (counter++).toString(36).padStart(4, "0") + process;
  };
}
