import type { Clock, Timer } from "clawdbot";
import { refusal } from "./simulator-refusal.ts";
import type { Update } from "./types.ts";

/** One update that waits for the bot, and how it fares. */
export interface Queued {
  update: Update;
  /** It is not thought confirmed before it was delivered: so it may come a second time. */
  again: boolean;
  delivered: number;
  onDelivered?(times: number): void;
  onConfirmed?(): void;
}

interface Poll {
  answer(updates: Update[] | Error): void;
  limit: number;
  timer: Timer;
}

const HELD_AT_MOST_S = 50;
const CONFLICT = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running";
/** Without allowed_updates, these are not delivered. https://core.telegram.org/bots/api#getupdates */
const NOT_BY_DEFAULT = ["chat_member", "message_reaction", "message_reaction_count"];

/** The updates of one bot, until a poll's offset confirms them: https://core.telegram.org/bots/api#getupdates */
export class UpdateQueue {
  readonly #clock: Clock;
  #queued: Queued[] = [];
  #poll: Poll | undefined;
  #allowed: readonly string[] = [];

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get size(): number {
    return this.#queued.length;
  }

  /** Is remembered until another call says otherwise. */
  allow(kinds: readonly string[] | undefined): void {
    if (kinds) this.#allowed = kinds;
  }

  isAllowed(update: Update): boolean {
    const kind = Object.keys(update).find((key) => key !== "update_id")!;
    return this.#allowed.length > 0 ? this.#allowed.includes(kind) : !NOT_BY_DEFAULT.includes(kind);
  }

  push(queued: Queued): void {
    this.#queued.push(queued);
    if (this.#poll) this.#deliver(this.#poll);
  }

  /** Resolves with what there is, or waits for it; ends the poll before it with 409. */
  poll({ offset = 0, limit = 100, timeout = 0 }: { offset?: number; limit?: number; timeout?: number }): Promise<Update[]> {
    this.end(refusal(409, CONFLICT));
    this.#confirm(offset < 0 ? (this.#queued.at(offset)?.update.update_id ?? 0) : offset);
    return new Promise((resolve, reject) => {
      const poll: Poll = {
        limit: Math.min(Math.max(limit, 1), 100),
        answer: (updates) => {
          this.#clock.clearTimeout(poll.timer);
          if (this.#poll === poll) this.#poll = undefined;
          if (updates instanceof Error) reject(updates);
          else resolve(updates);
        },
        timer: this.#clock.setTimeout(() => poll.answer([]), Math.min(timeout, HELD_AT_MOST_S) * 1000),
      };
      this.#poll = poll;
      if (this.#queued.length > 0) this.#deliver(poll);
    });
  }

  /** Ends the poll that waits. */
  end(reason: Error): void {
    this.#poll?.answer(reason);
  }

  #deliver(poll: Poll): void {
    const batch = this.#queued.slice(0, poll.limit);
    poll.answer(batch.map(({ update }) => update));
    for (const queued of batch) queued.onDelivered?.(++queued.delivered);
  }

  #confirm(offset: number): void {
    const isConfirmed = ({ update, again, delivered }: Queued) => update.update_id < offset && (!again || delivered > 0);
    const confirmed = this.#queued.filter(isConfirmed);
    this.#queued = this.#queued.filter((queued) => !isConfirmed(queued));
    for (const queued of confirmed) queued.onConfirmed?.();
  }
}
