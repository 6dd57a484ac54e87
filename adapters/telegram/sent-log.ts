import type { Clock, SentRecord, Timer } from "clawdbot";

interface Wait {
  n: number;
  conversation: string | undefined;
  resolve(records: SentRecord[]): void;
  timer: Timer;
}

/** What the users of the simulated platform have been shown, in order, and whoever waits for it. Nothing is ever suppressed here. */
export class SentLog {
  readonly records: SentRecord[] = [];
  readonly #clock: Clock;
  readonly #listeners: ((record: SentRecord) => void)[] = [];
  readonly #waits = new Set<Wait>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(record: SentRecord): void {
    this.records.push(record);
    for (const listener of this.#listeners) listener(record);
    for (const wait of this.#waits) {
      const shown = this.#of(wait.conversation);
      if (shown.length < wait.n) continue;
      this.#waits.delete(wait);
      this.#clock.clearTimeout(wait.timer);
      wait.resolve(shown);
    }
  }

  listen(listener: (record: SentRecord) => void): void {
    this.#listeners.push(listener);
  }

  waitFor(n: number, conversation?: string, timeoutMs = 10_000): Promise<readonly SentRecord[]> {
    const shown = this.#of(conversation);
    if (shown.length >= n) return Promise.resolve(shown);
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        this.#waits.delete(wait);
        reject(new Error(`${this.#of(conversation).length} of ${n} replies within ${timeoutMs} ms`));
      }, timeoutMs);
      const wait: Wait = { n, conversation, resolve, timer };
      this.#waits.add(wait);
    });
  }

  #of(conversation: string | undefined): SentRecord[] {
    return conversation === undefined ? [...this.records] : this.records.filter((record) => record.conversation === conversation);
  }
}
