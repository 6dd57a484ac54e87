import type { Clock, Timer } from "./clock.ts";
import type { SentRecord } from "./simulator.ts";

interface Wait {
  n: number;
  conversation: string | undefined;
  resolve(records: SentRecord[]): void;
  timer: Timer;
}

/** For simulators: what the users of the simulated platform have been shown, in order, and whoever waits for it. */
export class SentLog {
  readonly records: SentRecord[] = [];
  readonly #clock: Clock;
  readonly #listeners: ((record: SentRecord) => void)[] = [];
  readonly #shown = new Map<string, number>();
  readonly #waits = new Set<Wait>();
  #total = 0;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  add(record: SentRecord): void {
    this.records.push(record);
    for (const listener of this.#listeners) listener(record);
    if (record.suppressed) return;
    this.#total++;
    this.#shown.set(record.conversation, (this.#shown.get(record.conversation) ?? 0) + 1);
    for (const wait of this.#waits) {
      if (!this.#isOver(wait)) continue;
      this.#waits.delete(wait);
      this.#clock.clearTimeout(wait.timer);
      wait.resolve(this.#visible(wait.conversation));
    }
  }

  /** As Simulator.onSent. */
  listen(listener: (record: SentRecord) => void): void {
    this.#listeners.push(listener);
  }

  /** As Simulator.waitForSent. */
  waitFor(n: number, options: { conversation?: string; timeoutMs?: number } = {}): Promise<readonly SentRecord[]> {
    const { conversation, timeoutMs = 10_000 } = options;
    if (this.#isOver({ n, conversation })) return Promise.resolve(this.#visible(conversation));
    return new Promise((resolve, reject) => {
      const timer = this.#clock.setTimeout(() => {
        this.#waits.delete(wait);
        reject(new Error(`${this.#visible(conversation).length} of ${n} replies within ${timeoutMs} ms`));
      }, timeoutMs);
      const wait: Wait = { n, conversation, resolve, timer };
      this.#waits.add(wait);
    });
  }

  #isOver({ n, conversation }: Pick<Wait, "n" | "conversation">): boolean {
    return (conversation === undefined ? this.#total : (this.#shown.get(conversation) ?? 0)) >= n;
  }

  #visible(conversation: string | undefined): SentRecord[] {
    return this.records.filter((record) => !record.suppressed && (conversation === undefined || record.conversation === conversation));
  }
}
