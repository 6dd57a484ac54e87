import type { Adapter, Attempt, SendResult } from "../adapter.ts";
import { backoff, type Clock, type Random } from "../clock.ts";
import { errorCode, errorText, RateLimitError, RejectedError, UnreachableError } from "../errors.ts";
import type { Reply } from "../message.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Logger } from "../skill.ts";
import type { Failure, Outbox, PendingReply } from "../storage/storage.ts";
import { failpoint } from "./failpoint.ts";

/** The longest pause between two attempts, of messages too. A platform that says to wait longer is asked in between; its adapter knows. */
export const LONGEST_PAUSE_MS = 60_000;

/** How a reply left the outbox. */
export type Settled = { state: "sent"; result: SendResult } | { state: "dead"; reason: string; detail: string };

export interface DeliverParts {
  storage: Outbox;
  /** Undefined when the account is not configured (any more) or its channel is off. */
  adapter(channel: string, account: string): Adapter | undefined;
  /** Repeats a write until the store takes it: what was sent must not be sent again because a disk was full. */
  persist<T>(write: () => Promise<T>): Promise<T>;
  /** Told of each reply that has left the outbox. */
  settled(reply: Reply, how: Settled): void;
  clock: Clock;
  random: Random;
  metrics: Metrics;
  log: Logger;
  maxAttempts: number;
  /** performance.reply_ttl, ms */
  replyTtl: number;
  signal: AbortSignal;
}

/**
 * Makes one attempt to hand a reply to its platform and notes how that went before it resolves, so that the next reply of the
 * conversation never overtakes it. Resolves with true when the reply has left the outbox: sent, or buried as a dead letter.
 */
export async function deliver(pending: PendingReply, on: DeliverParts): Promise<boolean> {
  const { reply } = pending;
  const attempt: Attempt = { number: pending.attempts + 1, maybeSent: pending.maybeSent, signal: on.signal };
  const adapter = on.adapter(reply.channel, reply.account);
  const started = on.clock.monotonic();
  let result: SendResult;
  try {
    if (!adapter) throw new UnreachableError(`channel ${reply.channel} (account ${reply.account}) is not running`);
    failpoint("before-send");
    result = noted(await adapter.send(reply, attempt));
    failpoint("after-send");
  } catch (error) {
    // Cut off by the end of the drain: that is no attempt. The next start knows that it may have been sent.
    if (on.signal.aborted) throw error;
    return await failed(pending, error, on);
  }
  await on.persist(() => on.storage.finishReply(reply.id, { at: on.clock.now(), attempts: attempt.number, result }));
  failpoint("after-delivered-commit");
  adapter.delivered?.(reply, result);
  on.settled(reply, { state: "sent", result });
  on.metrics.messageOut(reply.channel, "sent");
  on.metrics.delivery(reply.channel, (on.clock.monotonic() - started) / 1000);
  return true;
}

/** What is kept of an adapter's answer. Anything else in it must not be able to keep "sent" from being written: it would be sent again. */
function noted({ platformId, detail, sequence }: SendResult): SendResult {
  return {
    ...(platformId !== undefined && { platformId: String(platformId) }),
    ...(detail !== undefined && { detail: String(detail) }),
    ...(typeof sequence === "number" && { sequence }),
  };
}

async function failed(pending: PendingReply, error: unknown, on: DeliverParts): Promise<boolean> {
  const { reply } = pending;
  const now = on.clock.now();
  const verdict = judge(pending, error, now, on);
  const failure: Failure = {
    attempts: verdict.attempts,
    notBefore: now + verdict.waitMs,
    reason: verdict.reason,
    detail: errorText(error).slice(0, 300),
    at: now,
    maybeSent: pending.maybeSent || verdict.maybeSent,
  };
  on.metrics.error(errorCode(error), `channel.${reply.channel}`);
  const log = { channel: reply.channel, account: reply.account, reply: reply.id, attempt: verdict.attempts, error: failure.detail };
  if (verdict.bury) {
    await on.persist(() => on.storage.buryReply(reply.id, failure));
    on.settled(reply, { state: "dead", reason: failure.reason, detail: failure.detail });
    on.metrics.messageOut(reply.channel, "dead");
    on.log.error("reply given up", { ...log, code: failure.reason });
    return true;
  }
  await on.persist(() => on.storage.retryReply(reply.id, failure));
  on.metrics.messageOut(reply.channel, "retried");
  on.log.warn("reply not delivered, will try again", { ...log, in_ms: verdict.waitMs, code: failure.reason });
  return false;
}

interface Verdict {
  reason: string;
  attempts: number;
  waitMs: number;
  bury: boolean;
  /** The failed call may have had its effect. */
  maybeSent: boolean;
}

/** What a failed send means: waiting as told and a platform out of reach use up no attempt, they end with the reply's time to live. */
function judge(pending: PendingReply, error: unknown, now: number, on: DeliverParts): Verdict {
  const attempts = pending.attempts + 1;
  if (error instanceof RejectedError) return { reason: "rejected", attempts, waitMs: 0, bury: true, maybeSent: false };
  if (error instanceof RateLimitError || error instanceof UnreachableError) {
    const limited = error instanceof RateLimitError;
    const waitMs = limited ? Math.min(LONGEST_PAUSE_MS, Math.max(1, error.retryAfterMs)) : untilReachable(pending.reply, now, on.random);
    const expired = now + waitMs - pending.reply.createdAt > on.replyTtl;
    return {
      reason: expired ? "expired" : limited ? "rate_limited" : "unreachable",
      attempts: pending.attempts,
      waitMs,
      bury: expired,
      maybeSent: false,
    };
  }
  return { reason: "send_failed", attempts, waitMs: backoff(on.random, attempts), bury: attempts >= on.maxAttempts, maybeSent: true };
}

/** Half the reply's age, 1 to 30 s: quick after a hiccup, patient in an outage, and nothing to keep count of. */
function untilReachable(reply: Reply, now: number, random: Random): number {
  const half = Math.min(30_000, Math.max(1000, (now - reply.createdAt) / 2));
  return Math.round(half * (0.75 + random.number() / 2));
}
