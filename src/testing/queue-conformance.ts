import { afterEach, describe, expect, test } from "vitest";
import type { Queue } from "../queue/queue.ts";
import { until } from "./until.ts";

export interface QueueUnderTest {
  queue: Queue;
  /** Lets ms of the queue's time pass. */
  pass(ms: number): Promise<void>;
  cleanup(): Promise<void>;
}

/** What every Queue promises; run it over your own driver: `queueConformance("mine", (concurrency) => …)`. */
export function queueConformance(name: string, make: (concurrency: number) => Promise<QueueUnderTest>): void {
  describe(`queue ${name}`, () => {
    let open: QueueUnderTest[] = [];
    const setup = async (concurrency: number) => {
      const made = await make(concurrency);
      open.push(made);
      return made;
    };
    afterEach(async () => {
      for (const { queue, cleanup } of open) {
        await queue.stop();
        await cleanup();
      }
      open = [];
    });

    test("never looks at one conversation twice at the same time, and loses no notification", async () => {
      const { queue } = await setup(8);
      const work = new Map<string, number>();
      const active = new Set<string>();
      let overlaps = 0;
      let done = 0;
      queue.consume(async (conversation) => {
        if (active.has(conversation)) overlaps++;
        active.add(conversation);
        const take = work.get(conversation) ?? 0;
        await new Promise((resolve) => setImmediate(resolve));
        work.set(conversation, (work.get(conversation) ?? 0) - take);
        done += take;
        active.delete(conversation);
        return undefined;
      });
      await queue.start();
      for (let n = 0; n < 1000; n++) {
        const conversation = `c${n % 20}`;
        work.set(conversation, (work.get(conversation) ?? 0) + 1);
        queue.notify(conversation);
        if (n % 50 === 0) await new Promise((resolve) => setImmediate(resolve));
      }
      await until("all the work to be seen", () => done === 1000);
      expect(overlaps).toBe(0);
    });

    test("looks at no more conversations together than its concurrency, and at all of them in the end", async () => {
      const { queue } = await setup(3);
      let active = 0;
      let most = 0;
      const seen = new Set<string>();
      queue.consume(async (conversation) => {
        most = Math.max(most, ++active);
        await new Promise((resolve) => setImmediate(resolve));
        active--;
        seen.add(conversation);
        return undefined;
      });
      await queue.start();
      for (let n = 0; n < 30; n++) queue.notify(`c${n}`);
      await until("all conversations to be seen", () => seen.size === 30);
      expect(most).toBe(3);
    });

    test("a conversation that waits for its next look does not hold up others", async () => {
      const { queue, pass } = await setup(1);
      const looks: string[] = [];
      queue.consume(async (conversation) => {
        looks.push(conversation);
        return conversation === "slow" && looks.filter((each) => each === "slow").length === 1 ? 60_000 : undefined;
      });
      await queue.start();
      queue.notify("slow");
      queue.notify("other");
      await until("the other to be seen", () => looks.includes("other"));
      expect(looks).toEqual(["slow", "other"]);
      await pass(60_001);
      await until("the slow one to be seen again", () => looks.length === 3);
      expect(looks).toEqual(["slow", "other", "slow"]);
    });

    test("a delayed notification waits, and an immediate one comes before it", async () => {
      const { queue, pass } = await setup(4);
      const looks: string[] = [];
      queue.consume(async (conversation) => {
        looks.push(conversation);
        return undefined;
      });
      await queue.start();
      queue.notify("later", 5000);
      queue.notify("sooner", 5000);
      queue.notify("sooner");
      await until("the sooner one", () => looks.length === 1);
      expect(looks).toEqual(["sooner"]);
      await pass(5001);
      await until("the later one", () => looks.includes("later"));
    });

    test("a look that rejects is repeated", async () => {
      const { queue, pass } = await setup(1);
      let looks = 0;
      queue.consume(async () => {
        looks++;
        if (looks < 3) throw new Error("the store is away");
        return undefined;
      });
      await queue.start();
      queue.notify("c");
      await until("the third look", async () => {
        await pass(1000);
        return looks === 3;
      });
    });

    test("stop waits for the looks that run and begins no more; start goes on with what is notified then", async () => {
      const { queue } = await setup(1);
      let release: (() => void) | undefined;
      const letGo = () => release?.();
      const looks: string[] = [];
      queue.consume(async (conversation) => {
        looks.push(conversation);
        await new Promise<void>((resolve) => (release = resolve));
        return undefined;
      });
      await queue.start();
      queue.notify("first");
      queue.notify("second");
      await until("the first look", () => release);
      let stopped = false;
      const stopping = Promise.all([queue.stop(), queue.stop()]).then(() => (stopped = true));
      await new Promise((resolve) => setImmediate(resolve));
      expect(stopped).toBe(false);
      release?.();
      await stopping;
      expect(looks).toEqual(["first"]);
      release = undefined;
      await queue.start();
      queue.notify("second");
      await until("the second look", () => release);
      letGo();
      expect(looks).toEqual(["first", "second"]);
    });

    test("bears stop before start, and start and stop twice", async () => {
      const { queue } = await setup(1);
      await queue.stop();
      await queue.start();
      await queue.start();
      await queue.stop();
      await expect(queue.stop()).resolves.toBeUndefined();
    });
  });
}
