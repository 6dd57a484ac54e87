import { createEmbeddedQueue } from "../../src/queue/embedded.ts";
import { fakeClock, seededRandom } from "../../src/testing/fake-clock.ts";
import { queueConformance } from "../../src/testing/queue-conformance.ts";

const silent = { debug() {}, info() {}, warn() {}, error() {} };

queueConformance("embedded", async (concurrency) => {
  const clock = fakeClock();
  const queue = createEmbeddedQueue({ name: "test", concurrency, clock, random: seededRandom(1), log: silent });
  return { queue, pass: (ms) => clock.advance(ms), cleanup: async () => {} };
});
