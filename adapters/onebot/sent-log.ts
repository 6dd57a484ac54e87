import type { Clock, SentRecord, Timer } from "clawdbot";

interface Wait {
  n: number;
  conversation: string | undefined;
  resolve(records: SentRecord[]): void;
  timer: Timer;
}

/** What the users of a simulated platform have been shown, in order, and whoever waits for it. */
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

  listen(listener: (record: SentRecord) => void): void {
    this.#listeners.push(listener);
  }

  waitFor(n: number, conversation?: string, timeoutMs = 10_000): Promise<readonly SentRecord[]> {
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
    return this.records.filter((entry) => !entry.suppressed && (conversation === undefined || entry.conversation === conversation));
  }
}
