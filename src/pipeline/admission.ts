/** Why a message is not taken now. */
export interface Full {
  reason: "stopping" | "queue_full" | "outbox_full";
  text: string;
  retryAfterMs: number;
}

/** Bounds what the daemon holds: messages whose handling has not ended, and replies that are not delivered. Beyond it new messages are refused aloud. */
export interface Admission {
  /** Counts one message in, or says why not. */
  enter(): Full | undefined;
  /** One message has ended (or was not kept after all). */
  left(): void;
  /** A dead letter is a waiting message again; never refused. */
  returned(): void;
  repliesAdded(n: number): void;
  replyLeft(): void;
  /** Takes the true numbers, at start. */
  set(counts: { inbox: number; outbox: number }): void;
  /** From now on nothing is let in. */
  close(): void;
}

export function createAdmission(limits: { max_queue_size: number; max_outbox_size: number }): Admission {
  let messages = 0;
  let replies = 0;
  let closed = false;
  return {
    enter() {
      if (closed) return { reason: "stopping", text: "the daemon is stopping", retryAfterMs: 5000 };
      if (messages >= limits.max_queue_size) {
        return { reason: "queue_full", text: `${messages} messages are waiting (performance.max_queue_size)`, retryAfterMs: 5000 };
      }
      if (replies >= limits.max_outbox_size) {
        return { reason: "outbox_full", text: `${replies} replies are undelivered (performance.max_outbox_size)`, retryAfterMs: 30_000 };
      }
      messages++;
      return undefined;
    },
    left() {
      messages--;
    },
    returned() {
      messages++;
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
      closed = false;
    },
    close() {
      closed = true;
    },
  };
}
