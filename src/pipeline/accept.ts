import type { Clock } from "../clock.ts";
import { OverloadedError } from "../errors.ts";
import { conversationKey, type InboundMessage, type Message } from "../message.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Queue } from "../queue/queue.ts";
import type { Inbox } from "../storage/storage.ts";
import type { Admission } from "./admission.ts";
import { failpoint } from "./failpoint.ts";

export interface AcceptParts {
  storage: Inbox;
  queue: Queue;
  admission: Admission;
  clock: Clock;
  newId: () => string;
  metrics: Metrics;
  /** Told how long the store took, for the trace. */
  accepted(id: string, ms: number): void;
}

/**
 * Resolves when the message is on disk; the platform may be told "received" only then. Must not run anything: the queue is told
 * where to look. Rejects with OverloadedError or StorageError, and then nothing was kept.
 */
export async function accept(inbound: InboundMessage, channel: string, on: AcceptParts): Promise<"accepted" | "duplicate"> {
  const full = on.admission.enter();
  if (full) {
    on.metrics.refused(channel, full.reason);
    throw new OverloadedError(full.text, full.retryAfterMs);
  }
  const started = on.clock.monotonic();
  const message: Message = { ...inbound, id: on.newId(), channel, receivedAt: on.clock.now() };
  let result: "accepted" | "duplicate" | undefined;
  try {
    result = await on.storage.accept(message);
  } finally {
    on.admission.entered(result === "accepted");
  }
  failpoint("after-accept-commit");
  on.metrics.messageIn(channel, message.contentType);
  if (result === "duplicate") {
    on.metrics.duplicate(channel);
  } else {
    on.accepted(message.id, on.clock.monotonic() - started);
    on.queue.notify(conversationKey(message));
  }
  failpoint("before-ack");
  return result;
}
