/** Time and chance come in through these two, everywhere, so that a test can run hours of the pipeline in a millisecond and replay it by seed. */

export interface Timer {
  /** Lets the process end although the timer is pending. */
  unref(): void;
}

export interface Clock {
  /** Wall clock, ms since the epoch. It may jump: never subtract two of them to get a duration. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go back: for durations and deadlines. */
  monotonic(): number;
  setTimeout(run: () => void, ms: number): Timer;
  clearTimeout(timer: Timer | undefined): void;
}

export interface Random {
  /** [0, 1), not for secrets. */
  number(): number;
  /** n random bytes, fit for secrets in production. */
  bytes(n: number): Uint8Array;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  setTimeout: (run, ms) => setTimeout(run, ms),
  clearTimeout: (timer) => clearTimeout(timer as NodeJS.Timeout | undefined),
};

export const systemRandom: Random = {
  number: () => Math.random(),
  bytes: (n) => crypto.getRandomValues(new Uint8Array(n)),
};

/** Resolves after ms; rejects with the signal's reason when that fires first. */
export function sleep(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) return reject(signal.reason);
    const aborted = () => {
      clock.clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = clock.setTimeout(() => {
      signal?.removeEventListener("abort", aborted);
      resolve();
    }, ms);
    signal?.addEventListener("abort", aborted, { once: true });
  });
}

/** Exponential back-off with full jitter on the upper half: attempt 1 waits base/2..base, each further one twice that, at most max. */
export function backoff(random: Random, attempt: number, base = 1000, max = 60_000): number {
  const ceiling = Math.min(max, base * 2 ** (attempt - 1));
  return Math.round(ceiling / 2 + random.number() * (ceiling / 2));
}
