import type { Clock, Random, Timer } from "../clock.ts";

interface Pending extends Timer {
  due: number;
  order: number;
  run: () => void;
}

export interface FakeClock extends Clock {
  /**
   * Moves time by ms and runs what falls due, in order. Between two timers it lets promises settle and real I/O that is already
   * done (a storage answer, a socket) be heard.
   */
  advance(ms: number): Promise<void>;
  /** Moves only the wall clock, as an administrator or NTP would. */
  jump(ms: number): void;
  readonly pendingTimers: number;
}

/** A clock that only moves when told. */
export function fakeClock(start = Date.parse("2026-01-01T00:00:00Z")): FakeClock {
  let elapsed = 0;
  let offset = start;
  let order = 0;
  const timers = new Set<Pending>();

  function next(until: number): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of timers) {
      if (timer.due > until) continue;
      if (!first || timer.due < first.due || (timer.due === first.due && timer.order < first.order)) first = timer;
    }
    return first;
  }

  return {
    now: () => offset + elapsed,
    monotonic: () => elapsed,
    setTimeout(run, ms) {
      const timer: Pending = { due: elapsed + Math.max(0, ms), order: order++, run, unref() {} };
      timers.add(timer);
      return timer;
    },
    clearTimeout(timer) {
      if (timer) timers.delete(timer as Pending);
    },
    async advance(ms) {
      const end = elapsed + ms;
      await settle();
      for (let timer = next(end); timer; timer = next(end)) {
        timers.delete(timer);
        elapsed = Math.max(elapsed, timer.due);
        timer.run();
        await settle();
      }
      elapsed = end;
      await settle();
    },
    jump(ms) {
      offset += ms;
    },
    get pendingTimers() {
      return timers.size;
    },
  };
}

async function settle(): Promise<void> {
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Chance by seed (mulberry32): the same seed gives the same run. */
export function seededRandom(seed: number): Random {
  let state = seed >>> 0;
  const number = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  return { number, bytes: (n) => Uint8Array.from({ length: n }, () => Math.floor(number() * 256)) };
}
