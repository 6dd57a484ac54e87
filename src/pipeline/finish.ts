import type { Adapter } from "../adapter.ts";
import { backoff, type Clock, type Random } from "../clock.ts";
import { ClawdbotError, errorCode, errorText } from "../errors.ts";
import type { Denial, Permit } from "../guard/guard.ts";
import { type Message, plainText, type Reply, type Segment } from "../message.ts";
import type { Metrics } from "../observe/metrics.ts";
import type { Language, Logger } from "../skill.ts";
import type { Failure, MessageEnd, PendingMessage, Storage } from "../storage/storage.ts";
import type { Admission } from "./admission.ts";
import { failpoint } from "./failpoint.ts";
import type { Candidate } from "./route.ts";
import { denialText, failureText } from "./texts.ts";
import type { TraceLog } from "./trace.ts";

/** How a message ends, before it is written. replies: the content of each. */
export interface Ending extends Pick<MessageEnd, "outcome" | "reason" | "detail" | "skill"> {
  replies: Segment[][];
}

export interface FinishParts {
  storage: Storage;
  clock: Clock;
  adapter(channel: string, account: string): Adapter | undefined;
  persist<T>(write: () => Promise<T>): Promise<T>;
  newId(): string;
  admission: Admission;
  log: Logger;
}

/** Writes the end of a message and its replies in one transaction. Afterwards the message is never handled again. */
export async function finish(pending: PendingMessage, ending: Ending, trace: TraceLog, on: FinishParts): Promise<void> {
  const { message } = pending;
  failpoint("after-run");
  const { replies: contents, ...how } = ending;
  const about = {
    channel: message.channel,
    account: message.account,
    conversation: message.conversation,
    messageId: message.id,
    replyTo: message.platformId,
    askedAt: message.receivedAt,
  };
  const merged = on.adapter(message.channel, message.account)?.merge?.(contents, message.conversation) ?? contents;
  const replies = numbered(merged.flatMap((content) => makeReplies(about, content, on)));
  trace.mark("finish");
  const end = { ...how, replies, steps: trace.steps, attempts: pending.attempts + 1, at: on.clock.now() };
  await on.persist(() => on.storage.finishMessage(message.id, end));
  on.admission.left();
  on.admission.repliesAdded(replies.length);
  failpoint("after-finish-commit");
  const ms = Math.round(on.clock.now() - message.receivedAt);
  on.log.info("message handled", {
    channel: message.channel,
    skill: how.skill,
    outcome: how.outcome,
    reason: how.reason,
    ms,
    trace: message.id,
  });
}

/** One stored reply for each call that the channel needs for this content. */
export function makeReplies(
  about: Omit<Reply, "id" | "segments" | "text" | "createdAt">,
  content: Segment[],
  on: Pick<FinishParts, "adapter" | "clock" | "newId">,
): Reply[] {
  const parts = on.adapter(about.channel, about.account)?.split?.(content) ?? [content];
  return parts.map((segments) => ({ ...about, id: on.newId(), segments, text: plainText(segments), createdAt: on.clock.now() }));
}

function numbered(replies: Reply[]): Reply[] {
  const last = replies.length - 1;
  return replies.map((reply, index) => (index < last ? { ...reply, followedBy: last - index } : reply));
}

/** A message whose skill its sender may not use here: said once per window, always audited. */
export function endOfDenied(
  message: Message,
  candidate: Candidate,
  denial: Denial,
  permit: Permit,
  on: { storage: Storage; clock: Clock; language: Language; log: Logger },
): Ending {
  const { name } = candidate.skill;
  const actor = `${message.channel}:${message.sender.id}`;
  on.storage
    .audit({ at: on.clock.now(), actor, action: "skill.use", target: name, result: "denied", reason: denial.reason })
    .catch((error: unknown) => on.log.error("denial not audited", { code: errorCode(error) }));
  const replies: Segment[][] = permit.announce(name, denial) ? [[{ type: "text", text: denialText(name, denial, on.language) }]] : [];
  return { outcome: "denied", reason: denial.reason, detail: denial.rule, skill: name, replies };
}

/** A message whose handling threw: when to try again, or its end as a dead letter. */
export function endOfFailed(
  pending: PendingMessage,
  error: unknown,
  trace: TraceLog,
  on: { clock: Clock; random: Random; metrics: Metrics; log: Logger; limits: { max_attempts: number }; language: Language },
): Failure | Ending {
  const attempts = pending.attempts + 1;
  const reason = errorCode(error) === "CLAWDBOT_ERR_SKILL_TIMEOUT" ? "skill_timeout" : "skill_failed";
  const detail = errorText(error).slice(0, 300);
  const now = on.clock.now();
  on.metrics.error(reason, "skill");
  const log = { trace: pending.message.id, attempt: attempts, route: trace.steps.at(-1)?.note, code: reason };
  const final = error instanceof ClawdbotError && !error.retryable;
  if (!final && attempts < on.limits.max_attempts) {
    const waitMs = backoff(on.random, attempts);
    on.log.warn("message not handled, will try again", { ...log, in_ms: waitMs });
    on.log.debug("why", { trace: pending.message.id, stack: (error as Error)?.stack });
    return { attempts, notBefore: now + waitMs, reason, detail, at: now };
  }
  on.log.error("message given up", { ...log, error: detail });
  return { outcome: "dead", reason, detail, replies: [[{ type: "text", text: failureText(on.language) }]] };
}
