import { backoff, type Clock, type Random, type Timer } from "../clock.ts";
import type { Logger } from "../skill.ts";
import type { Look, Queue } from "./queue.ts";

/** A conversation that the queue knows of: waiting for a place, being looked at, or due later. One that is none of these is forgotten. */
interface Lane {
  state: "waiting" | "active" | "delayed";
  /** Notified while active: look once more. */
  again: boolean;
  timer: Timer | undefined;
  /** Monotonic time of a delayed look. */
  due: number;
  /** Looks that rejected in a row. */
  failures: number;
}

export interface EmbeddedQueueOptions {
  /** For the log. */
  name: string;
  concurrency: number;
  clock: Clock;
  random: Random;
  log: Logger;
}

/** The in-process queue: nothing to install, nothing kept. start() lets looks begin; stop() begins none and waits for the running ones. */
export function createEmbeddedQueue({ name, concurrency, clock, random, log }: EmbeddedQueueOptions): Queue {
  const lanes = new Map<string, Lane>();
  let waiting: string[] = [];
  let head = 0;
  let active = 0;
  let delayed = 0;
  let running = false;
  let look: Look | undefined;
  let drained: Promise<void> | undefined;
  let idle: (() => void) | undefined;

  function notify(conversation: string, delayMs = 0): void {
    const lane = lanes.get(conversation);
    if (!lane) {
      const fresh: Lane = { state: "waiting", again: false, timer: undefined, due: 0, failures: 0 };
      lanes.set(conversation, fresh);
      if (delayMs > 0) delay(conversation, fresh, delayMs);
      else enqueue(conversation, fresh);
    } else if (lane.state === "active") {
      if (delayMs <= 0) lane.again = true;
    } else if (lane.state === "delayed" && clock.monotonic() + delayMs < lane.due) {
      wake(lane);
      if (delayMs > 0) delay(conversation, lane, delayMs);
      else enqueue(conversation, lane);
    }
  }

  function enqueue(conversation: string, lane: Lane): void {
    lane.state = "waiting";
    waiting.push(conversation);
    pump();
  }

  function delay(conversation: string, lane: Lane, ms: number): void {
    lane.state = "delayed";
    lane.due = clock.monotonic() + ms;
    delayed++;
    lane.timer = clock.setTimeout(() => {
      wake(lane);
      enqueue(conversation, lane);
    }, ms);
    lane.timer.unref();
  }

  function wake(lane: Lane): void {
    clock.clearTimeout(lane.timer);
    lane.timer = undefined;
    delayed--;
  }

  function pump(): void {
    while (running && look && active < concurrency && head < waiting.length) {
      const conversation = waiting[head++]!;
      if (head > 1024 && head * 2 > waiting.length) {
        waiting = waiting.slice(head);
        head = 0;
      }
      void run(conversation, lanes.get(conversation)!, look);
    }
  }

  async function run(conversation: string, lane: Lane, look: Look): Promise<void> {
    lane.state = "active";
    lane.again = false;
    active++;
    let next: number | undefined;
    try {
      next = await look(conversation);
      lane.failures = 0;
    } catch (error) {
      lane.failures++;
      next = backoff(random, lane.failures, 200, 10_000);
      log.warn("look failed, will look again", { queue: name, in_ms: next, error: String(error) });
    }
    active--;
    if (lane.failures > 0) delay(conversation, lane, next ?? 0);
    else if (lane.again) enqueue(conversation, lane);
    else if (next === undefined) lanes.delete(conversation);
    else if (next > 0) delay(conversation, lane, next);
    else enqueue(conversation, lane);
    if (active === 0) idle?.();
    pump();
  }

  return {
    notify,
    consume(handler) {
      look = handler;
      pump();
    },
    stats: () => ({ active, waiting: waiting.length - head, delayed }),
    async start() {
      running = true;
      pump();
    },
    async stop() {
      running = false;
      if (active > 0) drained ??= new Promise<void>((resolve) => (idle = resolve));
      await drained;
      drained = undefined;
      for (const lane of lanes.values()) if (lane.state === "delayed") wake(lane);
      lanes.clear();
      waiting = [];
      head = 0;
    },
  };
}
