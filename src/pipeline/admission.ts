/** Why a message is not taken now. */
export interface Full {
  reason: "stopping" | "queue_full" | "outbox_full";
  text: string;
  retryAfterMs: number;
}

/** Bounds what the daemon holds: messages whose handling has not ended, and replies that are not delivered. Beyond it new messages are refused aloud. */
export interface Admission {
  /** Why no further replies are taken now, of whatever origin. */
  full(): Full | undefined;
  /** Lets one message in, or says why not. */
  enter(): Full | undefined;
  /** The message that was let in is in the store now, or is not. */
  entered(kept: boolean): void;
  /** One message has ended. */
  left(): void;
  repliesAdded(n: number): void;
  replyLeft(): void;
  /** Takes the store's own numbers: at start, and now and then, for a store that dies may have kept what it could not confirm. */
  set(counts: { inbox: number; outbox: number }): void;
  open(): void;
  /** From now on nothing is let in. */
  close(): void;
}

export function createAdmission(limits: { max_queue_size: number; max_outbox_size: number }): Admission {
  /** On their way into the store. */
  let entering = 0;
  let messages = 0;
  let replies = 0;
  let closed = false;

  function full(): Full | undefined {
    if (closed) return { reason: "stopping", text: "the daemon is stopping", retryAfterMs: 5000 };
    if (replies < limits.max_outbox_size) return undefined;
    return { reason: "outbox_full", text: `${replies} replies are undelivered (performance.max_outbox_size)`, retryAfterMs: 30_000 };
  }

  return {
    full,
    enter() {
      const why = full();
      if (why) return why;
      if (messages + entering >= limits.max_queue_size) {
        return {
          reason: "queue_full",
          text: `${messages + entering} messages are waiting (performance.max_queue_size)`,
          retryAfterMs: 5000,
        };
      }
      entering++;
      return undefined;
    },
    entered(kept) {
      entering--;
      if (kept) messages++;
    },
    left() {
      messages--;
    },
    repliesAdded(n) {
      replies += n;
    },
    replyLeft() {
      replies--;
    },
    set(counts) {
      messages = counts.inbox;
      replies = counts.outbox;
    },
    open() {
      closed = false;
    },
    close() {
      closed = true;
    },
  };
}
