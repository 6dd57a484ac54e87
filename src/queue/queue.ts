import type { Service } from "../service.ts";

/**
 * Says "look at this conversation", and no more: what is to be done stands in the storage. Losing everything that a queue holds
 * costs time (a sweep says it again), never a message.
 */
export interface Queue extends Service {
  /**
   * Has the conversation looked at, now or after delayMs; several calls before a look may become one look, and a call during a
   * look leads to another one after it. Never throws and never waits: an acknowledgement must not hang on it.
   */
  notify(conversation: string, delayMs?: number): void;
  /**
   * Sets who looks. For one conversation at most one look runs at a time; at most `concurrency` conversations are looked at
   * together, first come first served. A look resolves with the ms after which to look again, or undefined when nothing is due;
   * one that rejects is repeated with back-off.
   */
  consume(look: Look): void;
  stats(): QueueStats;
}

export type Look = (conversation: string) => Promise<number | undefined>;

export interface QueueStats {
  /** Conversations being looked at. */
  active: number;
  /** Conversations that wait for a free place. */
  waiting: number;
  /** Conversations whose next look is due later. */
  delayed: number;
}
