import { type Clock, RateLimitError } from "clawdbot";

/** So many chats that have to wait at a time are no chance. */
const MANY = 3;

/**
 * Until when Telegram wants nothing of the bot, in one chat or in all. It never says which of the two it means: when a third chat is told
 * to wait while two still have to, it means all of them. https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
 */
export interface FloodWaits {
  /** ms; 0 when a call may be made. */
  remaining(chat: string): number;
  /** Throws RateLimitError while a call would only make the wait longer. */
  check(chat: string): void;
  note(chat: string, retryAfterMs: number): void;
}

export function createFloodWaits(clock: Pick<Clock, "monotonic">): FloodWaits {
  const chats = new Map<string, number>();
  let all = 0;

  function remaining(chat: string): number {
    return Math.max(0, all - clock.monotonic(), (chats.get(chat) ?? 0) - clock.monotonic());
  }

  return {
    remaining,
    check(chat) {
      const ms = remaining(chat);
      if (ms > 0) throw new RateLimitError(ms);
    },
    note(chat, retryAfterMs) {
      const now = clock.monotonic();
      for (const [waiting, until] of chats) if (until <= now) chats.delete(waiting);
      chats.set(chat, now + retryAfterMs);
      if (chats.size >= MANY) all = now + retryAfterMs;
    },
  };
}
